#include "espalier/io/json.h"

#include <doctest/doctest.h>

#include <chrono>

#include "espalier/base/error.h"
#include "espalier/io/json_objects.h"
#include "espalier/io/text_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::TempDir;

TEST_CASE("json: a document keeps the order of its keys and survives a round trip") {
  const std::string text = R"({"z":1,"a":[true,null,-2,0.25,"tab\t\u00e9"],"m":{"x":18446744073709551615}})";
  const Json json = parse_json(text, "here");
  CHECK(json_text(json, -1) ==
        "{\"z\":1,\"a\":[true,null,-2,0.25,\"tab\\t\u00e9\"],\"m\":{\"x\":18446744073709551615}}");
  CHECK(parse_json(json_text(json), "again") == json);
}

TEST_CASE("json: errors say where and what") {
  CHECK(error_of([] {
          parse_json("{\"a\": 1,\n  \"b\" 2}", "c.json");
        }).starts_with("c.json: line 2, column 7: not valid JSON: "));
  CHECK(error_of([] { parse_json("", "c.json"); }).starts_with("c.json: line 1, column 1: not valid JSON: "));
  CHECK(error_of([] { parse_json("{} x", "c.json"); }).find("line 1, column 4") != std::string::npos);
  CHECK(error_of([] { parse_json(R"({"a": 1, "b": 2, "a": 3})", "c.json"); }) ==
        "c.json: the key \"a\" appears twice in one object");
  CHECK(error_of([] { parse_json(std::string(100000, '['), "c.json"); }) ==
        "c.json: nested deeper than 200 levels");
  CHECK(error_of([] { parse_json("[1e999]", "c.json"); }).find("not valid JSON") != std::string::npos);
  CHECK(error_of([] { parse_json("[\"\xff\"]", "c.json"); }).find("UTF-8") != std::string::npos);
  CHECK_THROWS_AS(read_json("/nowhere/x.json"), InputError);
}

TEST_CASE("json: objects are seen as they end and may be replaced") {
  std::vector<std::string> seen;
  const Json json = io::parse_json(R"([{"a":{"b":1}},{"c":2},3])", "x.json", [&](Json& object) {
    seen.push_back(io::json_text(object, -1));
    if (object.contains("b")) object = nullptr;
  });
  CHECK(seen == std::vector<std::string>{R"({"b":1})", R"({"a":null})", R"({"c":2})"});
  CHECK(io::json_text(json, -1) == R"([{"a":null},{"c":2},3])");
}

TEST_CASE("json: a vocabulary of 200,000 entries is read in linear time") {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i)
    text += (i == 0 ? "\"w" : ",\"w") + std::to_string(i) + "\":" + std::to_string(i);
  const auto start = std::chrono::steady_clock::now();
  const Json json = parse_json(text + "}", "vocabulary");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(json.size() == 200000);
  // The quadratic way takes more than a minute here.
  CHECK(seconds.count() < 20);
}

TEST_CASE("json: typed getters name the path, the expected and the found") {
  const Json json = parse_json(
      R"({"n":3,"big":9223372036854775808,"real":2.5,"whole":4.0,"t":true,"s":"text","list":[1,{"k":"v"}],"none":null})",
      "f");
  const JsonView view(json, "config.json");
  CHECK(view["n"].as_int() == 3);
  CHECK(view["whole"].as_int() == 4);
  CHECK(view["big"].as_uint64() == std::uint64_t{1} << 63U);
  CHECK(view["real"].as_double() == 2.5);
  CHECK(view["t"].as_bool());
  CHECK(view["s"].as_string() == "text");
  CHECK(view["list"].size() == 2);
  CHECK(view["list"].at(1)["k"].as_string() == "v");
  CHECK(view.get("n", 7) == 3);
  CHECK(view.get("none", 7) == 7);
  CHECK(view.get("absent", "x") == "x");
  CHECK(view.get("real", 1.0) == 2.5);
  CHECK(view.get("t", false));
  CHECK(view.has("n"));
  CHECK(!view.has("none"));

  CHECK(error_of([&] { view["absent"]; }) == "config.json: the key \"absent\" is missing");
  CHECK(error_of([&] { view["s"].as_int(); }) ==
        "config.json: s: expected a whole number, found the string \"text\"");
  CHECK(error_of([&] { view["real"].as_int(); }) == "config.json: real: expected a whole number, found 2.5");
  CHECK(error_of([&] { view["big"].as_int(); }) ==
        "config.json: big: expected a whole number, found 9223372036854775808");
  CHECK(error_of([&] { view["n"].as_int(0, 2); }) ==
        "config.json: n: expected a whole number from 0 to 2, found 3");
  CHECK(error_of([&] { view["n"].as_int(5); }) ==
        "config.json: n: expected a whole number of at least 5, found 3");
  CHECK(error_of([&] { view["list"].at(1)["k"].as_bool(); }) ==
        "config.json: list[1].k: expected true or false, found the string \"v\"");
  CHECK(error_of([&] { view["list"].at(2); }) == "config.json: list: expected at least 3 elements, found 2");
  CHECK(error_of([&] { view["n"].size(); }) == "config.json: n: expected an array or an object, found 3");
  CHECK(error_of([&] { view.get("s", 1.0); }) ==
        "config.json: s: expected a number, found the string \"text\"");
}

TEST_CASE("text files: written whole, read whole, replaced atomically") {
  const TempDir dir;
  const std::string text(300000, 'x');
  write_text_atomically(dir / "a.txt", text);
  CHECK(read_text_file(dir / "a.txt") == text);
  write_text_atomically(dir / "a.txt", "");
  CHECK(read_text_file(dir / "a.txt").empty());
  CHECK(error_of([&] { read_text_file(dir.path()); }).find("is a folder, expected a file") !=
        std::string::npos);
  CHECK(error_of([&] { write_text_atomically(dir / "no" / "a.txt", "x"); }).find("create: No such file") !=
        std::string::npos);
  // Files of the kernel say that they are empty.
  CHECK(!read_text_file("/proc/self/status").empty());
}

}  // namespace
}  // namespace espalier::io
