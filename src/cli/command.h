// The command line's verbs and options. The only door to CLI11: its headers take three seconds to compile, so
// they stay inside command.cc.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/description.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace espalier::cli {

// A check of what an option was given.
struct Check {
  std::string type;  // how help marks the option: POSITIVE
  // What is wrong with the text, or "".
  std::function<std::string(const std::string& text)> complaint;
  std::vector<std::string> choices = {};  // all texts that pass, where these are few
};

// Finite and above 0; `--tokens: expected a number above 0, found 0`.
Check above_zero();
// Finite and 0 or above.
Check zero_or_above();
// Bounds included.
Check within(int low, int high);
Check within(double low, double high);
Check one_of(const std::vector<std::string>& words);
// Not empty, as the value of a variable that a shell does not know.
Check a_path();

// An option or argument of a command, which owns it. Each call returns the option itself.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}
  Option* required();
  // Help shows the variable's value at this moment.
  Option* capture_default_str();
  Option* delimiter(char character);
  Option* excludes(Option* other);
  Option* needs(Option* other);
  Option* check(const Check& check);
  // Only these names, in capital letters or small ones; the variable gets what the name stands for. Help and
  // completion show the `choices` among them: others mean the same.
  Option* names(const std::map<std::string, std::string>& values, const std::vector<std::string>& choices);

 private:
  friend class Command;
  CLI::Option* option_;
  std::vector<std::string> choices_;
  bool is_path_ = false;
};

class Command {
 public:
  // The whole program.
  Command(const std::string& description, const std::string& name);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  Command* add_subcommand(const std::string& name, const std::string& description);
  // `name` is "--name", or "NAME" for an argument known by its place. The variable, which must outlive the
  // command, is of a type instantiated at the end of command.cc.
  template <class T>
  Option* add_option(const std::string& name, T& variable, const std::string& description);
  Option* add_flag(const std::string& name, bool& variable, const std::string& description);
  // Called where the option is given, before the verb runs.
  Option* add_option_function(const std::string& name, const std::function<void(int)>& call,
                              const std::string& description);
  void add_flag_callback(const std::string& name, const std::function<void()>& call,
                         const std::string& description);
  // With --verbose also what `more` gives, below the version.
  void set_version_flag(const std::string& name, const std::string& version,
                        const std::function<std::string()>& more);
  // The keys of the configuration that it reads, as completion shows them.
  void set_keys(std::vector<config::KeyDescription> keys);
  // Help does not list it.
  void hide();

  // A verb below this one must be named, and exactly one.
  void require_subcommand();
  // Options of this command work behind a verb too.
  void fallthrough();
  // The text below the options in help.
  void footer(const std::string& text);
  std::string get_footer() const;
  const std::string& name() const;
  std::vector<Command*> subcommands() const;
  // Of this command and those below it, without the hidden ones.
  CommandDescription describe() const;
  // What the option of that name was given, as text.
  std::string value(const std::string& option) const;
  // Does the verb's work, once all is parsed.
  void callback(std::function<void()> run);
  // The same of a verb whose work several processes share.
  void shared_callback(std::function<void()> run);

  // Parses and runs. Prints help, the version or what is wrong; 0, or 2 for a wrong command line.
  int parse(int argc, const char* const* argv);

 private:
  explicit Command(CLI::App& app);

  std::unique_ptr<CLI::App> owned_;  // of the whole program alone
  CLI::App* app_;
  std::vector<std::unique_ptr<Command>> subcommands_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<config::KeyDescription> keys_;
  bool verbose_ = false;  // with the version flag
};

}  // namespace espalier::cli
