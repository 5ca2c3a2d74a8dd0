#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/completion.h"

namespace espalier::cli {
namespace {

// For a text between single quotes in which zsh's helpers give colons and brackets a meaning.
std::string escaped(std::string_view text) {
  std::string safe;
  for (const char character : text) {
    switch (character) {
      case '\'':
        safe += "'\\''";
        break;
      case '[':
      case ']':
      case ':':
      case '\\':
        safe += '\\';
        safe += character;
        break;
      case '\n':
        safe += ' ';
        break;
      default:
        safe += character;
    }
  }
  return safe;
}

std::string action(const std::vector<std::string>& choices, bool file) {
  if (!choices.empty()) return fmt::format("({})", fmt::join(choices, " "));
  return file ? "_files" : " ";
}

// A line for _arguments.
std::string option_spec(const OptionDescription& option) {
  const std::string name = option.name.substr(option.name.rfind(',') + 1);
  std::string spec = fmt::format("{}{}[{}]", option.several ? "*" : "", name, escaped(option.help));
  if (!option.value.empty()) {
    spec += fmt::format(":{}:{}", escaped(option.value), action(option.choices, option.is_path));
  }
  return fmt::format("    '{}' \\\n", spec);
}

std::string function_name(const std::string& way) {
  std::string name = "_" + way;
  for (char& character : name) {
    if (character == ' ' || character == '-') character = '_';
  }
  return name;
}

// `_values` completes the key, its sign and its value.
std::string keys_function(const CommandDescription& command, const std::string& name) {
  std::string text = fmt::format("{}_keys() {{\n  _values -w key \\\n", name);
  for (const config::KeyDescription& key : command.keys) {
    // The choices are offered anyway.
    const std::string help = key.choices.empty() ? key.help + " " + key.type : key.help;
    text += fmt::format("    '{}[{}]:value:{}' \\\n", key.name, escaped(help), action(key.choices, true));
  }
  return text + "    && return\n}\n\n";
}

// `general`: the program's options, which every verb takes too.
void add_function(const CommandDescription& command, const std::string& way,
                  const std::vector<OptionDescription>& general, std::string& script) {
  const std::string name = function_name(way);
  for (const CommandDescription& verb : command.verbs) {
    add_function(verb, way + " " + verb.name, general, script);
  }
  if (!command.keys.empty()) script += keys_function(command, name);
  std::string arguments;
  for (const OptionDescription& option : command.options) {
    if (!option.is_argument) arguments += option_spec(option);
  }
  for (const OptionDescription& option : general) {
    const bool own = std::any_of(command.options.begin(), command.options.end(),
                                 [&](const OptionDescription& known) { return known.name == option.name; });
    if (!own) arguments += option_spec(option);
  }
  if (command.verbs.empty()) {
    const std::string rest = command.keys.empty() ? "" : fmt::format("    '*:override:{}_keys' \\\n", name);
    script += fmt::format("{}() {{\n  _arguments -s \\\n{}{}    {}\n}}\n\n", name, arguments,
                          command.keys.empty() ? "" : "    '1:configuration:_files' \\\n" + rest,
                          command.keys.empty() ? "'*:argument:_files'" : "&& return");
    return;
  }
  script +=
      fmt::format("{}() {{\n  local curcontext=$curcontext state line\n  local -a verbs\n  verbs=(\n", name);
  for (const CommandDescription& verb : command.verbs) {
    script += fmt::format("    '{}:{}'\n", verb.name, escaped(verb.help));
  }
  script += fmt::format(
      "  )\n  _arguments -C \\\n{}    '1:verb:->verb' '*::argument:->rest' && return\n  case $state in\n"
      "    verb) _describe verb verbs ;;\n    rest)\n      case $words[1] in\n",
      arguments);
  for (const CommandDescription& verb : command.verbs) {
    script += fmt::format("        {}) {} ;;\n", verb.name, function_name(way + " " + verb.name));
  }
  script += "      esac\n      ;;\n  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const CommandDescription& program) {
  std::string script =
      fmt::format("#compdef {0}\n# Completes {0} in zsh; written by `{0} completion zsh`.\n\n", program.name);
  add_function(program, program.name, general_options(program), script);
  // Loaded by compinit the file is the function's body; sourced, it registers itself.
  script += fmt::format("if [[ $funcstack[1] == _{0} ]]; then\n  _{0} \"$@\"\nelse\n  compdef _{0} {0}\nfi\n",
                        program.name);
  return script;
}

}  // namespace espalier::cli
