#!/usr/bin/env bash
# CLI11 2.4 refuses names of positional arguments that 2.1 took: `KEY=VALUE`, a usual way to show what is expected,
# throws BadNameString when the option is declared. The code compiles, and fails when the program starts, whatever its
# arguments. Debian 12 has 2.1.2, Debian 13 has 2.4.1.
#   Way out: a plain name, and KEY=VALUE in the description.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
cat >program.cc <<'TEXT'
#include <CLI/CLI.hpp>
#include <cstdio>
int main(int argc, char** argv) {
  try {
    CLI::App app("program", "program");
    std::vector<std::string> settings;
    app.add_option("KEY=VALUE", settings, "Settings");
    app.parse(argc, argv);
    std::printf("%zu settings\n", settings.size());
  } catch (const CLI::Error& error) {
    std::printf("%s: %s\n", error.get_name().c_str(), error.what());
  }
}
TEXT
debian_packages bookworm 2.1.2 libcli11-dev=2.1.2+ds-1
debian_packages trixie 2.4.1 libcli11-dev=2.4.1+ds-2
for version in 2.1.2 2.4.1; do
  g++ -std=c++17 -I "$version/usr/include" -o program program.cc 2>"$version/output" &&
    ./program a=1 b=2 >"$version/output"
done
expect "CLI11 2.1.2" 2.1.2/output '2 settings'
expect "CLI11 2.4.1" 2.4.1/output 'BadNameString: Invalid positional Name: KEY=VALUE'
