// A long table goes through `classify` in chunks: memory does not grow with it.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "tests/cli/cli_support.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

// A table of `rows` rows with a column of a kilobyte that has to come out again.
std::string write_table(const TempDir& dir, const std::string& name, int rows) {
  const std::string path = (dir / name).string();
  std::ofstream file(path);
  file << "id\ttext\tnote\n";
  const std::string note(1000, 'n');
  for (int row = 0; row < rows; ++row) file << row << "\tthe tree\t" << note << "\n";
  return path;
}

// The most memory that any child of this process has used, in kilobytes.
long peak_of_children() {
  struct rusage usage {};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("classify: forty times the rows, the same memory") {
#ifdef __SANITIZE_ADDRESS__
  skip_test("the address sanitizer keeps freed memory");
  return;
#endif
  const TempDir dir;
  const std::string model = (dir / "model").string();
  small_classifier(3).write(model);
  const std::string small = write_table(dir, "small.tsv", 1500), large = write_table(dir, "large.tsv", 60000);
  run_well({"classify", model, "--file", small, "--output", (dir / "small-out.tsv").string()});
  const long before = peak_of_children();
  run_well({"classify", model, "--file", large, "--output", (dir / "large-out.tsv").string()});
  // The table is 60 MB; what grows is the allocator's slack.
  CHECK(peak_of_children() - before < 15 * 1024);
  const std::string out = read_text(dir / "large-out.tsv");
  CHECK(std::count(out.begin(), out.end(), '\n') == 60001);
  CHECK(out.find("\n59999\tthe tree\tnnnn") != std::string::npos);
}

}  // namespace espalier::testing
