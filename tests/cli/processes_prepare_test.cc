// `prepare` of several processes under mpirun: the bytes of one.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/cli/processes_support.h"

namespace espalier::testing {
namespace {

// Of `processes` processes: what was printed and written, by the workshop's settings.
std::string prepared_by(int processes, const std::string& text, const std::string& out,
                        const Arguments& overrides = {}) {
  const Workshop& shop = workshop();
  // Progress would tell of how long it took.
  Arguments command = {"--quiet", "prepare", shop.path("prepare.yaml"), "text.files=[" + text + "]",
                       "out=" + out};
  command.insert(command.end(), overrides.begin(), overrides.end());
  const Outcome outcome = run_together(processes, command);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome.out.substr(0, outcome.out.find(out)) + outcome.err.substr(0, outcome.err.find(out)) +
         read_text(out + "/tokenizer.json") + read_text(out + "/tokens.h5");
}

// Documents whose words come from ever more that there are, some of them in letters that the tokenizer
// deletes.
std::string varied_text(std::size_t bytes) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < bytes; ++i) {
    const std::uint64_t word = i * i * 2654435761U % (i + 1);
    for (std::uint64_t rest = word; rest > 0; rest /= 23) text += static_cast<char>('a' + rest % 23);
    text += i % 1000 == 0 ? "\xd0\xb6\n\n" : " ";
  }
  return text;
}

}  // namespace

TEST_CASE("prepare is shared, and writes the same bytes") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  const auto prepared = [&](int processes) {
    return prepared_by(processes, shop.path("text.txt"), shop.path("prepared-" + std::to_string(processes)));
  };
  const std::string alone = prepared(1);
  CHECK((prepared(2) == alone));
  CHECK((prepared(3) == alone));
  CHECK((prepared(5) == alone));
  const Outcome again =
      run_together(2, {"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]",
                       "out=" + shop.path("prepared-1")});
  CHECK(again.status == 0);
  CHECK(again.out.find("reused") != std::string::npos);
}

TEST_CASE("prepare shares more text than a round, in several files, and drops the same rare words") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  // Batches of 8 MB are counted, each then drops what is above max_words. Two processes have three rounds,
  // and the portions of the third are by what the first took.
  shop.dir.write("long-1.txt", varied_text(35'000'000));
  shop.dir.write("long-2.txt", varied_text(500'000));
  const auto prepared = [&](int processes) {
    const std::string out = shop.path("long-" + std::to_string(processes));
    std::string result =
        prepared_by(processes, shop.path("long-*.txt"), out,
                    {"tokenizer.max_words=20000", "tokenizer.vocab_size=2000", "text.max_token_ratio=9"});
    std::filesystem::remove_all(out);
    return result;
  };
  const std::string alone = prepared(1);
  CHECK(alone.find("tokenizer.max_words (20000) was reached") != std::string::npos);
  CHECK((prepared(2) == alone));
  CHECK((prepared(3) == alone));
}

TEST_CASE("prepare reads as text.format says in all processes") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  std::string rows = "id\ttext\n";
  while (rows.size() < 9'000'000) rows += "1\t\"quoted\" words of a row with, a comma\n2\tand \"others\"\n";
  const std::string file = shop.dir.write("table.csv", rows).string();
  const Arguments settings = {"text.format=tsv", "tokenizer.vocab_size=60", "text.max_token_ratio=9"};
  CHECK((prepared_by(1, file, shop.path("table-1"), settings) ==
         prepared_by(2, file, shop.path("table-2"), settings)));
}

}  // namespace espalier::testing
