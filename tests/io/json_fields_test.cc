#include "espalier/io/json_fields.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/support.h"

namespace espalier::io {

using testing::error_of;

struct Part {
  std::string name;
  std::optional<double> gap;
};

static void describe(Part& part, JsonFields& fields) {
  fields.add("name", part.name);
  fields.add("gap", part.gap);
}

struct Whole {
  std::int64_t step = 0;
  double loss = 0;
  double best = std::numeric_limits<double>::infinity();
  Named<std::vector<Part>> parts;
  std::vector<std::string> warnings;
};

static void describe(Whole& whole, JsonFields& fields) {
  fields.add("step", whole.step);
  JsonFields scores = fields.with_prefix("eval_");
  scores.add("loss", whole.loss);
  scores.add("best", whole.best);
  fields.add("parts", whole.parts);
  fields.add_unless_empty("warnings", whole.warnings);
}

static Whole read(const std::string& text) {
  const Json json = parse_json(text, "run.json");
  return from_json<Whole>(JsonView(json, "run.json"));
}

TEST_CASE("json fields: one list writes and reads, in its order") {
  Whole whole{3, 0.5, 0.25, {{"b", {{"x", 1.5}, {"y", {}}}}, {"a", {}}}, {"odd"}};
  const std::string text =
      R"({"step":3,"eval_loss":0.5,"eval_best":0.25,"parts":{"b":[{"name":"x","gap":1.5},{"name":"y","gap":null}],)"
      R"("a":[]},"warnings":["odd"]})";
  CHECK(json_text(to_json(whole), -1) == text);
  CHECK(to_json(read(text)) == to_json(whole));
  whole.warnings.clear();
  CHECK_FALSE(to_json(whole).contains("warnings"));
}

TEST_CASE("json fields: a number that is not finite is null, which only such a default takes back") {
  Whole whole;
  CHECK(to_json(whole)["eval_best"].is_null());
  CHECK(read(json_text(to_json(whole))).best == std::numeric_limits<double>::infinity());
  whole.loss = std::numeric_limits<double>::quiet_NaN();
  CHECK(error_of([&] { read(json_text(to_json(whole))); }) ==
        "run.json: eval_loss: expected a number, found null");
}

TEST_CASE("json fields: a missing or wrongly typed key is named with its file; an empty one may be missing") {
  CHECK(read(R"({"step":1,"eval_loss":1,"eval_best":2,"parts":{},"unknown":0})").warnings.empty());
  CHECK(error_of([] { read(R"({"eval_loss":1,"eval_best":2,"parts":{}})"); }) ==
        "run.json: the key \"step\" is missing");
  CHECK(error_of([] { read(R"({"step":"1","eval_loss":1,"eval_best":2,"parts":{}})"); }) ==
        "run.json: step: expected a whole number, found the string \"1\"");
  CHECK(error_of([] { read(R"({"step":1,"eval_loss":1,"eval_best":2,"parts":{"a":[{"name":"x"}]}})"); }) ==
        "run.json: parts.a[0]: the key \"gap\" is missing");
  CHECK(error_of([] { read("[]"); }) == "run.json: expected an object, found an array");
}

}  // namespace espalier::io
