#include "tests/cli/glue_support.h"

#include "tests/support/hf_folder.h"

namespace espalier::testing {

GlueWorkshop::GlueWorkshop() {
  dir.write("glue.yaml",
            "glue: {tasks: [cola, rte, wnli], seeds: 2}\nhead: {head_dim: 8}\n"
            "train: {epochs: 1, lr: 1e-3}\neval: {bootstrap: 20}\n"
            "per_task: {cola: {train: {epochs: 2}}}\n");
  small_masked_lm().write(model);
  std::string cola, rte = "index\tsentence1\tsentence2\tlabel\n", test = "index\tsentence1\tsentence2\n";
  for (int i = 0; i < 40; ++i) {
    const std::string row = std::to_string(i), text = i % 2 == 0 ? "the tree" : "a map";
    cola += "x\t" + std::to_string(i % 2) + "\t\t" + text + "\n";
    rte += row + "\t" + text + "\tthe tree\t" + (i % 2 == 0 ? "" : "not_") + "entailment\n";
    test += row + "\t" + text + "\ta map\n";
  }
  std::filesystem::create_directories(dir / "glue/CoLA");
  std::filesystem::create_directories(dir / "glue/RTE");
  for (const char* split : {"train", "dev"}) {
    dir.write(std::string("glue/CoLA/") + split + ".tsv", cola);
    dir.write(std::string("glue/RTE/") + split + ".tsv", rte);
  }
  dir.write("glue/RTE/test.tsv", test);
}

Arguments GlueWorkshop::command(const std::string& name, const Arguments& overrides) const {
  Arguments all = {"glue", config, "model=" + model, "run=" + run(name),
                   "glue.dir=" + (dir / "glue").string()};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return all;
}

std::string GlueWorkshop::fingerprint(const std::string& name) const {
  std::string all = read_text(dir / name / "submission.zip");
  for (const char* task : {"CoLA", "RTE"}) {
    for (const char* seed : {"seed-1", "seed-2"}) {
      all += read_text(dir / name / task / seed / "predictions_dev.tsv");
    }
  }
  return all;
}

}  // namespace espalier::testing
