#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/completion.h"

namespace espalier::cli {
namespace {

// In the tables of the script below: what a word may be.
constexpr const char* kFile = "/";
constexpr const char* kNumber = "-";  // nothing that could be offered

std::string words_for(const OptionDescription& option) {
  if (!option.choices.empty()) return fmt::format("{}", fmt::join(option.choices, " "));
  return option.is_path ? kFile : kNumber;
}

// The tables hold a line for each way to a command, "espalier bench fff".
struct Tables {
  std::string ways;    // to commands, as a pattern
  std::string words;   // that may stand where nothing else does
  std::string values;  // after an option, or a key and its sign
  std::string taking;  // options with a value, as a pattern
};

// `general`: the program's options, which every verb takes too.
void add_command(const CommandDescription& command, const std::string& way,
                 const std::vector<OptionDescription>& general, Tables& tables) {
  std::vector<std::string> options, keys, verbs;
  const auto add_option = [&](const OptionDescription& option) {
    const std::string name = option.name.substr(option.name.rfind(',') + 1);
    if (option.is_argument || std::find(options.begin(), options.end(), name) != options.end()) return;
    options.push_back(name);
    if (option.value.empty()) return;
    tables.values += fmt::format("    '{} {}') words='{}' ;;\n", way, name, words_for(option));
    tables.taking += fmt::format("{}'{} {}'", tables.taking.empty() ? "" : " | ", way, name);
  };
  for (const OptionDescription& option : command.options) add_option(option);
  for (const OptionDescription& option : general) add_option(option);
  for (const config::KeyDescription& key : command.keys) {
    keys.push_back(key.name);
    if (key.choices.empty()) continue;
    tables.values += fmt::format("    '{} {}') words='{}' ;;\n", way, key.name, fmt::join(key.choices, " "));
  }
  for (const CommandDescription& verb : command.verbs) verbs.push_back(verb.name);
  tables.words += fmt::format("    '{}')\n      options='{}'\n      verbs='{}'\n      keys='{}'\n      ;;\n",
                              way, fmt::join(options, " "), fmt::join(verbs, " "), fmt::join(keys, " "));
  for (const CommandDescription& verb : command.verbs) {
    tables.ways += fmt::format("{}'{} {}'", tables.ways.empty() ? "" : " | ", way, verb.name);
    add_command(verb, way + " " + verb.name, general, tables);
  }
}

// Bash hands `key=value` over as three words.
constexpr const char* kScript = R"(# Completes {0} in bash; written by `{0} completion bash`.
# shellcheck shell=bash
_{0}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  local way={0} arguments=0 i word options verbs keys words=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case "$way $word" in
    {1}) way="$way $word" ;;
    *' -'* | *' =') ;;
    *)
      case "$way ${{COMP_WORDS[i - 1]}}" in
      *' =' | {4}) ;;
      *) arguments=$((arguments + 1)) ;;
      esac
      ;;
    esac
  done
  if [[ $current == = ]]; then
    current=''
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  case $way in
{2}  esac
  case "$way $before" in
{3}  esac
  if [[ -z $words && $current == -* ]]; then
    words=$options
  elif [[ -z $words && -n $verbs ]]; then
    words=$verbs
  fi
  COMPREPLY=()
  # Where a file may be, bash completes it, as only bash can: blanks, variables, ~. Nowhere else.
  case $words in
    / | '') ;;
    *)
      compopt +o bashdefault +o default 2>/dev/null
      [[ $words == - ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
      return 0
      ;;
  esac
  # The first argument of a verb with keys is the configuration.
  if [[ -z $words && $arguments -gt 0 && ${{COMP_WORDS[COMP_CWORD]}} != = && ${{COMP_WORDS[COMP_CWORD - 1]}} != = ]]; then
    mapfile -t COMPREPLY < <(compgen -S = -W "$keys" -- "$current")
    [[ ${{#COMPREPLY[@]}} -eq 0 ]] || compopt -o nospace 2>/dev/null
  fi
  return 0
}}
complete -o bashdefault -o default -F _{0} {0}
)";

}  // namespace

std::vector<OptionDescription> general_options(const CommandDescription& program) {
  std::vector<OptionDescription> general = program.options;
  std::erase_if(general, [](const OptionDescription& option) {
    return option.name.ends_with("--version") || option.name.ends_with("--verbose");
  });
  return general;
}

std::string bash_completion(const CommandDescription& program) {
  Tables tables;
  add_command(program, program.name, general_options(program), tables);
  return fmt::format(kScript, program.name, tables.ways, tables.words, tables.values, tables.taking);
}

}  // namespace espalier::cli
