// What the program says of itself: the long version, and what it writes for shells and for man.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "espalier/base/version.h"
#include "tests/cli/cli_support.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

// What bash offers for the last of the words, one a line; "files" where it completes those by itself. Bash
// itself hands `a=b` over as three.
std::string completed(const std::filesystem::path& script, const std::string& words) {
  const TempDir dir;
  const std::string asks = "files=files\ncompopt() { [[ $* != *'+o default'* ]] || files=''; }\n. " +
                           script.string() + "\nCOMP_WORDS=(" + words +
                           ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_espalier\n" +
                           "printf '%s\\n' \"${COMPREPLY[@]:-$files}\"\n";
  const std::string file = dir.write("asks", asks).string();
  const std::string out = (dir / "out").string();
  CHECK(std::system(("bash " + file + " > " + out + " 2>&1").c_str()) == 0);
  return read_text(out);
}

// The names in a section of help, which an empty line ends; of "-h,--help" both as they are there.
Strings listed(const std::string& help, const std::string& section) {
  Strings names;
  std::istringstream lines(help);
  std::string line;
  while (std::getline(lines, line) && line != section) continue;
  while (std::getline(lines, line) && !line.empty()) {
    // Further in lie the explanations.
    if (!line.starts_with("   ")) names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

// The text from `begin` to the next `end`.
std::string part_of(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  INFO(begin);
  REQUIRE(from != std::string::npos);
  return text.substr(from, text.find(end, from + begin.size()) - from);
}

// Functions of zsh have _ for a dash, the manual page \-.
std::string with_dashes(std::string text, const std::string& dash) {
  for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += dash.size())
    text.replace(at, 1, dash);
  return text;
}

// Both name what help of these verbs lists, and of the verbs below them.
void check_written(const std::string& zsh, const std::string& man, std::vector<std::string> verbs) {
  std::string way = "espalier";
  for (const std::string& verb : verbs) way += " " + verb;
  INFO(way);
  verbs.emplace_back("--help");
  const std::string help = run_well(verbs).out;
  verbs.pop_back();
  std::string function = with_dashes(way, "_");
  std::replace(function.begin(), function.end(), ' ', '_');
  const std::string in_zsh = part_of(zsh, "\n_" + function + "() {\n", "\n}\n");
  const std::string in_man =
      part_of(man, verbs.empty() ? "\n.SH OPTIONS\n" : "\n.SS " + with_dashes(way, "\\-") + "\n", "\n.S");
  const Strings options = listed(help, "Options:");
  CHECK_FALSE(options.empty());
  for (const std::string& option : options) {
    INFO(option);
    const std::string name = option.substr(option.rfind(',') + 1);
    CHECK((in_zsh.find("'" + name + "[") != std::string::npos ||
           in_zsh.find("'*" + name + "[") != std::string::npos));
    // The manual page says once, of the program, that there is help.
    if (name == "--help" && !verbs.empty()) continue;
    const std::string item = "\n.B " + with_dashes(option, "\\-");
    CHECK((in_man.find(item + " ") != std::string::npos || in_man.find(item + "\n") != std::string::npos));
  }
  const Strings below = listed(help, "Subcommands:");
  if (verbs.empty()) CHECK_FALSE(below.empty());
  for (const std::string& verb : below) {
    INFO(verb);
    CHECK(in_zsh.find("\n    '" + verb + ":") != std::string::npos);
    verbs.push_back(verb);
    check_written(zsh, man, verbs);
    verbs.pop_back();
  }
}

TEST_CASE("version, and what a report of a problem needs") {
  const std::string version = run_well({"--version"}).out;
  const std::string report = run_well({"--version", "--verbose"}).out;
  CHECK(report.starts_with(version));
  for (const std::string part :
       {"\nbuild ", "\nbuilt with    oneDNN ", "oneTBB ", "HDF5 ", "\nruns with ", "libdnnl",
        "\ninstructions  ", "in use; best here ", "ESPALIER_ISA ", "compiled for ",
        "; bf16: ", "\nprocessor ", "\ncores ", "threads\n", "\nmemory ", "\nsystem ", "glibc "}) {
    INFO(part);
    CHECK(report.find(part) != std::string::npos);
  }
  check_refused({"--verbose"}, "--verbose requires --version");
}

TEST_CASE("bash completes verbs, options, their values, keys and files") {
  const TempDir dir;
  const auto script = dir.write("espalier.bash", run_well({"completion", "bash"}).out);
  CHECK(completed(script, "espalier pre") == "prepare\npretrain\n");
  CHECK(completed(script, "espalier --qu") == "--quiet\n");
  CHECK(completed(script, "espalier bench f") == "fff\n");
  CHECK(completed(script, "espalier --threads 2 evaluate --se") == "--sequences\n");
  CHECK(completed(script, "espalier evaluate model --routing ''") == "hard\nsoft\n");
  CHECK(completed(script, "espalier evaluate model --routing = s") == "soft\n");
  CHECK(completed(script, "espalier evaluate model --sequences ''") == "\n");
  CHECK(completed(script, "espalier evaluate te") == "files\n");
  CHECK(completed(script, "espalier pretrain te") == "files\n");
  CHECK(completed(script, "espalier pretrain c.yaml routing.mo") == "routing.mode=\n");
  CHECK(completed(script, "espalier pretrain c.yaml routing.mode = an") == "anneal\n");
  CHECK(completed(script, "espalier pretrain c.yaml routing.mode =").starts_with("hard\n"));
  CHECK(completed(script, "espalier finetune c.yaml train.bucket_by_length = t") == "true\n");
  CHECK(completed(script, "espalier pretrain c.yaml data = te") == "files\n");
  // After a flag too, and with the program's own options.
  CHECK(completed(script, "espalier pretrain --dump-config c.yaml routing.mo") == "routing.mode=\n");
  CHECK(completed(script, "espalier pretrain --threads 2 c.yaml routing.mo") == "routing.mode=\n");
  CHECK(completed(script, "espalier pretrain --quiet te") == "files\n");
  CHECK(completed(script, "espalier classify model --thr") == "--threads\n");
  CHECK(completed(script, "espalier embed model --prompt te") == "\n");
  CHECK(completed(script, "espalier embed model --file te") == "files\n");
  CHECK(completed(script, "espalier prex") == "\n");
  CHECK(completed(script, "espalier export model folder --dtype f") == "float32\nfloat16\n");
  CHECK(read_text(script).ends_with("\ncomplete -o bashdefault -o default -F _espalier espalier\n"));
  CHECK(run_well({"--help"}).out.find("completion") == std::string::npos);
}

TEST_CASE("what is written for zsh and man names every verb, and all of their options") {
  const std::string zsh = run_well({"completion", "zsh"}).out;
  const std::string man = run_well({"completion", "man"}).out;
  CHECK(zsh.starts_with("#compdef espalier\n"));
  check_written(zsh, man, {});
  CHECK(zsh.find("'--routing[hard, or soft\\: `loss` is then that of the mixture]:TEXT:(hard soft)'") !=
        std::string::npos);
  CHECK(zsh.find("'routing.mode[") != std::string::npos);
  const std::size_t fff = zsh.find("\n_espalier_bench_fff() {");
  CHECK(zsh.find("'--threads[", fff) < zsh.find("\n}\n", fff));
  CHECK(man.starts_with(".TH ESPALIER 1 \"\" \"espalier " + std::string(kVersion) + "\"\n.SH NAME\n"));
  CHECK(man.find("\n.SS espalier bench fff\n") != std::string::npos);
  CHECK(man.find("\n.B \\-\\-routing hard|soft\n") != std::string::npos);
  CHECK(man.find("\n  routing.mode\n") != std::string::npos);
  check_refused({"completion", "fish"}, "FORMAT: fish not in {bash,zsh,man}");
}

}  // namespace
}  // namespace espalier::testing
