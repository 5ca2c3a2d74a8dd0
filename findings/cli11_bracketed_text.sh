#!/usr/bin/env bash
# CLI11: an argument that begins with [ and ends with ] is no text but a list, for every option and positional that
# takes several values: it loses its brackets and is cut at its commas. Arrays of configuration files are written like
# that, but their pages do not say that the command line is read so too, and neither the shell's quotes nor -- prevent
# it. The special tokens of BERT make such texts: [MASK] arrives as MASK, and a text from [CLS] to [SEP] as several, cut
# at its commas, without an error; with one more word behind it, it is left alone. Debian 12 has 2.1.2, Debian 13 has
# 2.4.1.
#   Way out: a mark before such an argument when it comes in, which a transform of the option takes away again.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
cat >program.cc <<'TEXT'
#include <CLI/CLI.hpp>
#include <cstdio>
int main(int argc, char** argv) {
  CLI::App app("program", "program");
  std::vector<std::string> texts;
  app.add_option("texts", texts, "Texts")->transform([](std::string text) {
    return text.front() == '=' ? text.substr(1) : text;
  });
  CLI11_PARSE(app, argc, argv);
  std::printf("%s -> %zu:", argv[argc - 1], texts.size());
  for (const std::string& text : texts) std::printf(" <%s>", text.c_str());
  std::puts("");
}
TEXT
debian_packages bookworm 2.1.2 libcli11-dev=2.1.2+ds-1
debian_packages trixie 2.4.1 libcli11-dev=2.4.1+ds-2
for version in 2.1.2 2.4.1; do
  g++ -std=c++17 -I "$version/usr/include" -o program program.cc 2>"$version/output" && for text in '[MASK]' \
    '[CLS] a, b [SEP]' '[MASK] is' '=[MASK]'; do ./program -- "$text"; done >"$version/output" 2>&1
  for line in '[MASK] -> 1: <MASK>' '[CLS] a, b [SEP] -> 2: <CLS] a> < b [SEP>' '[MASK] is -> 1: <[MASK] is>' \
    '=[MASK] -> 1: <[MASK]>'; do
    expect "CLI11 $version" "$version/output" "$line"
  done
done
