#include <fmt/format.h>

#include <string_view>

#include "cli/completion.h"

namespace espalier::cli {
namespace {

// Text as roff prints it: no line of it is a request, and its signs stay those that can be typed.
std::string roff(std::string_view text) {
  std::string safe;
  bool begins = true;
  for (const char character : text) {
    if (begins && (character == '.' || character == '\'')) safe += "\\&";
    begins = character == '\n';
    switch (character) {
      case '\\':
        safe += "\\e";
        break;
      case '-':
        safe += "\\-";
        break;
      case '`':
        safe += "\\(ga";
        break;
      case '\'':
        safe += "\\(aq";
        break;
      case '~':
        safe += "\\(ti";
        break;
      case '^':
        safe += "\\(ha";
        break;
      default:
        safe += character;
    }
  }
  return safe;
}

std::string value_text(const OptionDescription& option) {
  if (!option.choices.empty()) return fmt::format(" {}", fmt::join(option.choices, "|"));
  return option.value.empty() ? "" : " " + option.value;
}

std::string option_item(const OptionDescription& option) {
  const std::string value = option.is_argument ? "" : value_text(option);
  return fmt::format(".TP\n.B {}{}\n{}\n", roff(option.name), roff(value), roff(option.help));
}

std::string synopsis(const CommandDescription& command, const std::string& way) {
  std::string line = fmt::format(".B {}\n", roff(way));
  for (const OptionDescription& option : command.options) {
    if (option.is_argument && !option.several) line += fmt::format(".I {}\n", roff(option.name));
    if (option.is_argument && option.several) line += fmt::format("[\\fI{}\\fR ...]\n", roff(option.name));
  }
  return line + "[options]\n";
}

std::string preformatted(std::string_view text) {
  const std::size_t begin = text.find_first_not_of('\n');
  if (begin == std::string_view::npos) return "";
  return fmt::format(".PP\n.nf\n{}\n.fi\n", roff(text.substr(begin)));
}

void add_verb(const CommandDescription& command, const std::string& way, std::string& page) {
  page += fmt::format(".SS {}\n{}.PP\n{}.\n", roff(way), synopsis(command, way), roff(command.help));
  for (const OptionDescription& option : command.options) {
    if (!option.name.starts_with("-h")) page += option_item(option);
  }
  if (command.verbs.empty()) page += preformatted(command.footer);
  for (const CommandDescription& verb : command.verbs) add_verb(verb, way + " " + verb.name, page);
}

constexpr const char* kEnd = R"(.SH EXIT STATUS
0: done. 2: bad usage or input. 1: failure. 129, 130 or 143: interrupted, after saving.
.SH ENVIRONMENT
.TP
.B ESPALIER_ISA
.BR sse4 ,
.B avx2
or
.BR avx512 :
a lesser instruction set than the machine's best, for the same bits as on another machine.
.SH SEE ALSO
README.md and
.B configs/
in the documentation's folder.
)";

}  // namespace

std::string manual_page(const CommandDescription& program, const std::string& version) {
  std::string page = fmt::format(
      ".TH {0} 1 \"\" \"{1} {2}\"\n.SH NAME\n{1} \\- {3}\n.SH SYNOPSIS\n.B {1}\n[options]\n.I VERB\n\\&...\n",
      "ESPALIER", program.name, version, "train and run BERT models whose feedforward layers are trees");
  page += fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n", roff(program.help));
  for (const OptionDescription& option : program.options) page += option_item(option);
  page += ".SH VERBS\n";
  for (const CommandDescription& verb : program.verbs) add_verb(verb, program.name + " " + verb.name, page);
  return page + kEnd;
}

}  // namespace espalier::cli
