// Fine-tuning what was fine-tuned before, and going on where a limit stopped it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/finetuner.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"

namespace espalier::train {
namespace {

using testing::FinetuneWorkspace;

// Both parts of the head, one after the other.
std::vector<float> head_of(const std::filesystem::path& model) {
  std::vector<float> values;
  for (const io::NamedTensor& tensor : io::load_checkpoint(model).model) {
    if (!tensor.name.starts_with("pooler.") && !tensor.name.starts_with("head.")) continue;
    values.insert(values.end(), tensor.value.span().begin(), tensor.value.span().end());
  }
  REQUIRE_FALSE(values.empty());
  return values;
}

// Of the model in work's folder `a`, one step that changes nothing.
std::vector<std::string> from_a(const FinetuneWorkspace& work, const std::vector<std::string>& more = {}) {
  std::vector<std::string> settings = {"model=" + work.run("a").string(), "seed=7", "train.lr=1e-30",
                                       "train.max_steps=1"};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

}  // namespace

TEST_CASE("a classifier's head goes on where it answers the same, and is a new one elsewhere") {
  const FinetuneWorkspace work;
  const FinetuneResults a = finetune(work.config("a"));
  const std::vector<float> trained = head_of(work.run("a") / "last.h5");
  const FinetuneResults same = finetune(work.config("same", from_a(work)));
  CHECK(head_of(work.run("same") / "last.h5") == trained);
  CHECK(same.eval.sets[0].loss == a.eval.sets[0].loss);
  finetune(work.config("wider", from_a(work, {"head.head_dim=24"})));
  CHECK(head_of(work.run("wider") / "last.h5").size() != trained.size());
  finetune(work.config("average", from_a(work, {"head.pooler=avg"})));
  CHECK(head_of(work.run("average") / "last.h5") != trained);
  // As many classes of other names mean something else.
  for (const char* file : {"train.tsv", "dev.tsv"})
    work.dir.write(file, "text\tlabel\na b c\tleft\nx y z\tright\nb c d\tleft\n");
  finetune(work.config("others", from_a(work)));
  const std::vector<float> others = head_of(work.run("others") / "last.h5");
  CHECK(others.size() == trained.size());
  CHECK(others != trained);
}

TEST_CASE("trees that are trained hard from an unfinished mixture are finished") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"routing.mode=anneal", "train.max_steps=4"}));
  const model::RoutingProvenance before = model::load_model(work.run("a")).routing;
  CHECK_FALSE(before.finished);
  for (const std::string mode : {"hard", "frozen", "straight_through"}) {
    CAPTURE(mode);
    finetune(work.config(mode, from_a(work, {"routing.mode=" + mode})));
    const model::RoutingProvenance after = model::load_model(work.run(mode)).routing;
    CHECK(after.mode == mode);
    CHECK(after.finished);
    CHECK_FALSE(after.hardening_gap);
    CHECK(after.trained_softly);
  }
}

TEST_CASE("what train.max_steps cuts off within an epoch is the best only until an epoch ends") {
  const FinetuneWorkspace work;
  // Held out are training rows with the labels exchanged: the longer it learns, the worse it looks.
  std::string rows = testing::read_text(work.dir / "train.tsv");
  const auto rename = [&](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = rows.find("\t" + from + "\t", at)) != rows.npos;)
      rows.replace(at + 1, from.size(), to);
  };
  rename("first", "other");
  rename("second", "first");
  rename("other", "second");
  work.dir.write("dev.tsv", rows);
  finetune(work.config("whole"));
  const FinetuneResults cut = finetune(work.config("a", {"train.max_steps=1"}));
  CHECK(io::list_checkpoint(work.run("a") / "best.h5").state.at("step") == 1);
  finetune(work.config("a", {"train.max_steps=8"}));
  const FinetuneResults end = finetune(work.config("a"));
  CHECK(cut.eval.sets[0].metrics[0].value > end.eval.sets[0].metrics[0].value);
  CHECK(io::list_checkpoint(work.run("a") / "best.h5").weights_checksum ==
        io::list_checkpoint(work.run("whole") / "best.h5").weights_checksum);
}

}  // namespace espalier::train
