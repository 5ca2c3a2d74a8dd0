#include "espalier/config/glue_config.h"

#include <doctest/doctest.h>

#include "tests/config/config_support.h"
#include "tests/support/support.h"

namespace espalier::config {
namespace {

const ConfigOf<GlueConfig> kGlue{{"model=m", "run=r", "glue.dir=d"}};

}  // namespace

TEST_CASE("the defaults are the published recipe on nine tasks with five seeds") {
  const GlueConfig config = kGlue.with({});
  validate(config);
  CHECK(config.tasks.size() == 9);
  CHECK(config.seeds == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  CHECK(config.recipe.optimizer.lr == 4e-5);
  CHECK(config.recipe.epochs == 5);
  CHECK(config.epoch == ReportedEpoch::kLast);
}

TEST_CASE("seeds are a count or a list") {
  CHECK(kGlue.with({"glue.seeds=3"}).seeds == std::vector<std::int64_t>{1, 2, 3});
  CHECK(kGlue.with({"glue.seeds=[3]"}).seeds == std::vector<std::int64_t>{3});
  CHECK(kGlue.with({"glue.seeds=[42, 7]"}).seeds == std::vector<std::int64_t>{42, 7});
  CHECK(testing::error_of([&] { kGlue.with({"glue.seeds=0"}); }).find("a count at least 1, or a list") !=
        std::string::npos);
  CHECK(kGlue.error_with({"glue.seeds=[1, 1]"}) == "glue.seeds: a value is given twice: [1, 1]");
}

TEST_CASE("one task's exceptions, dumped and read back") {
  const GlueConfig config = kGlue.with({"per_task.cola.train.epochs=15", "per_task.cola.head.pooler=avg",
                                        "per_task.cola.train.epochs=9", "train.lr=1e-4"});
  CHECK(recipe_of(config, "cola").epochs == 9);
  CHECK(recipe_of(config, "cola").optimizer.lr == 1e-4);
  CHECK(recipe_of(config, "cola").head.pooler == nn::Pooler::kAverage);
  CHECK(recipe_of(config, "rte").epochs == 5);
  const std::string yaml = dump(config);
  GlueConfig again;
  Fields fields;
  describe(again, fields);
  fields.apply(parse_yaml(yaml, "dump"));
  CHECK(dump(again) == yaml);
  CHECK(recipe_of(again, "cola").epochs == 9);
}

TEST_CASE("one task's seeds") {
  const GlueConfig config =
      kGlue.with({"glue.seeds=3", "per_task.sst2.seeds=1", "per_task.rte.seeds=[7, 5]"});
  validate(config);
  CHECK(seeds_of(config, "sst2") == std::vector<std::int64_t>{1});
  CHECK(seeds_of(config, "rte") == std::vector<std::int64_t>{7, 5});
  CHECK(seeds_of(config, "cola") == std::vector<std::int64_t>{1, 2, 3});
  CHECK(glue_resume_rule("per_task.sst2.seeds") == ResumeRule::kFree);
  CHECK(glue_resume_rule("per_task.sst2.train.epochs") == ResumeRule::kSame);
  CHECK(glue_resume_rule("glue.dir") == ResumeRule::kInput);
  CHECK(glue_resume_rule("eval.bootstrap") == ResumeRule::kSame);  // finished tables hold intervals
}

TEST_CASE("what is wrong is named") {
  CHECK(kGlue.error_with({"model="}).starts_with("`model` is missing"));
  CHECK(kGlue.error_with({"glue.dir="}).starts_with("`glue.dir` is missing"));
  CHECK(kGlue.error_with({"glue.tasks=[]"}) == "glue.tasks: name one task at least");
  CHECK(kGlue.error_with({"resume=x.h5"}) == "resume must be auto or never, got `x.h5`");
  CHECK(kGlue.error_with({"per_task.cola.train.epoch=3"}) ==
        "command line: unknown key `per_task.cola.train.epoch`; the nearest is `per_task.cola.train.epochs` "
        "(--help lists all)");
  CHECK(kGlue.error_with({"per_task.cola.train.epochs=none"})
            .find("command line: per_task.cola.train.epochs must be a number above 0, got `none`") == 0);
  CHECK(kGlue.error_with({"per_task.cola=3"}).find("expected per_task.TASK.KEY") != std::string::npos);
  CHECK(kGlue.error_with({"per_task.rte.routing.mode=frozen", "train.weight_decay=0.01"})
            .starts_with("per_task.rte: routing.mode"));
  CHECK(kGlue.error_with({"per_task.rte.routing.mode=frozen", "train.weight_decay=0.01"})
            .find("set train.weight_decay: 0") != std::string::npos);
  CHECK(kGlue.error_with({"per_task.rte.seeds=[2, 2]"}) ==
        "per_task.rte.seeds: a value is given twice: [2, 2]");
  CHECK(kGlue.error_with({"per_task.rte.seeds=[]"}) == "per_task.rte.seeds: give one seed at least");
  CHECK(kGlue.error_with({"sweep.lr=[1e-5, 1e-5]"}).find("sweep.lr: a value is given twice") == 0);
}

TEST_CASE("a sweep or a value: the command line's before the file's, not both in one place") {
  CHECK(kGlue.error_with({"sweep.lr=[1e-4]", "train.lr=7e-3"}) ==
        "train.lr: sweep.lr tries values in the place of train.lr: leave one of them out");
  CHECK(kGlue.error_with({"sweep.batch_size=[8]", "train.batch_size=32"})
            .starts_with("train.batch_size: sweep."));
  CHECK(testing::error_of([] {
          require_exceptions_read(kGlue.with({"sweep.lr=[1e-4]", "per_task.rte.train.lr=7e-3"}));
        }) ==
        "command line: per_task.rte.train.lr: sweep.lr tries values in the place of train.lr: leave one of "
        "them out");
  const testing::TempDir dir;
  const std::string file = dir.write("sweep.yaml", "sweep: {lr: [1e-4]}\n").string();
  const std::vector<std::string> rate = {"train.lr=7e-3"};
  CHECK(load<GlueConfig>(file, rate).sweep_lr.empty());
  CHECK(load<GlueConfig>(file, rate).recipe.optimizer.lr == 7e-3);
}

TEST_CASE("an exception that its task does not read is refused, beside what would read it") {
  const auto refusal = [](const std::vector<std::string>& overrides) {
    return testing::error_of([&] { require_exceptions_read(kGlue.with(overrides)); });
  };
  CHECK(
      refusal({"per_task.rte.train.momentum=0.9"}) ==
      "command line: per_task.rte.train.momentum goes with per_task.rte.train.optimizer: muon; this run has "
      "per_task.rte.train.optimizer: adamw, which does not read it: leave it out");
  const auto accept = [](const std::vector<std::string>& overrides) {
    CHECK_NOTHROW(require_exceptions_read(kGlue.with(overrides)));
  };
  accept({"per_task.rte.train.momentum=0.9", "train.optimizer=muon"});
  accept({"per_task.rte.train.momentum=0.9", "per_task.rte.train.optimizer=muon"});
  accept({"per_task.rte.seeds=[3]", "per_task.rte.train.epochs=2"});
  CHECK(refusal({"per_task.rte.train.momentum=0.9", "per_task.cola.train.optimizer=muon"})
            .starts_with("command line: per_task.rte.train.momentum goes with"));
}

TEST_CASE("frozen routing is for fine-tuning only") {
  CHECK(kGlue.with({"routing.mode=frozen"}).recipe.routing.mode == Routing::kFrozen);
  CHECK(testing::error_of([] {
          const std::vector<std::string> overrides = {"routing.mode=frozen"};
          load<PretrainConfig>("", overrides);
        }).find("one of hard, soft, anneal, straight_through, got `frozen`") != std::string::npos);
}

}  // namespace espalier::config
