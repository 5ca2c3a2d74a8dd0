#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>

#include "cli/sharing.h"
#include "espalier/base/log.h"
#include "espalier/processes/processes.h"
#include "kernels/isa.h"

namespace espalier::cli {
namespace {

// CLI11's own checks, with their marks and messages.
Check check_of(const CLI::Validator& validator) {
  return {validator.get_description(), [validator](const std::string& text) { return validator(text); }};
}

// CLI11 gives some arguments a meaning of its own: `[a, b]` becomes several values, `{}` none, `%%` separates
// values, `++` ends a verb. A text or a path may be any of these, so they pass CLI11 with a mark before them,
// which each option takes away again. It begins no sensible text; one that does begin with it gets a second.
constexpr char kMark = '\x1e';

constexpr const char* kPath = "PATH";

std::string guarded(const std::string& argument) {
  if (argument.empty()) return argument;
  const bool interpreted = (argument.front() == '[' && argument.back() == ']') || argument == "{}" ||
                           argument == "%%" || argument == "++" || argument.front() == kMark;
  return interpreted ? kMark + argument : argument;
}

std::string unguarded(const std::string& argument) {
  return !argument.empty() && argument.front() == kMark ? argument.substr(1) : argument;
}

}  // namespace

Check within(int low, int high) {
  return check_of(CLI::Range(low, high));
}
Check within(double low, double high) {
  return check_of(CLI::Range(low, high));
}
Check one_of(const std::vector<std::string>& words) {
  Check check = check_of(CLI::IsMember(words));
  check.choices = words;
  return check;
}

Check a_path() {
  return {kPath,
          [](const std::string& text) { return text.empty() ? "expected a path, found an empty text" : ""; }};
}

Option* Option::required() {
  option_->required();
  return this;
}

Option* Option::capture_default_str() {
  option_->capture_default_str();
  return this;
}

Option* Option::delimiter(char character) {
  option_->delimiter(character);
  return this;
}

Option* Option::excludes(Option* other) {
  option_->excludes(other->option_);
  return this;
}

Option* Option::needs(Option* other) {
  option_->needs(other->option_);
  return this;
}

Option* Option::check(const Check& check) {
  option_->check(CLI::Validator(check.complaint, check.type));
  if (!check.choices.empty()) choices_ = check.choices;
  is_path_ = is_path_ || check.type == kPath;
  return this;
}

Option* Option::names(const std::map<std::string, std::string>& values,
                      const std::vector<std::string>& choices) {
  choices_ = choices;
  const std::string all = fmt::format("{{{}}}", fmt::join(choices_, ","));
  const auto replace = [values, all](std::string& text) -> std::string {
    for (const auto& [name, value] : values) {
      if (CLI::ignore_case(name) != CLI::ignore_case(text)) continue;
      text = value;
      return "";
    }
    return fmt::format("{} not in {}", text, all);
  };
  option_->transform(CLI::Validator(replace, all));
  return this;
}

Command::Command(const std::string& description, const std::string& name)
    : owned_(std::make_unique<CLI::App>(description, name)), app_(owned_.get()) {}

Command::Command(CLI::App& app) : app_(&app) {}

Command::~Command() = default;

Command* Command::add_subcommand(const std::string& name, const std::string& description) {
  CLI::App* app = app_->add_subcommand(name, description);
  return subcommands_.emplace_back(new Command(*app)).get();
}

template <class T>
Option* Command::add_option(const std::string& name, T& variable, const std::string& description) {
  CLI::Option* option = app_->add_option(name, variable, description)->transform(unguarded);
  return options_.emplace_back(std::make_unique<Option>(*option)).get();
}

Option* Command::add_flag(const std::string& name, bool& variable, const std::string& description) {
  CLI::Option* option = app_->add_flag(name, variable, description);
  return options_.emplace_back(std::make_unique<Option>(*option)).get();
}

Option* Command::add_option_function(const std::string& name, const std::function<void(int)>& call,
                                     const std::string& description) {
  CLI::Option* option = app_->add_option_function<int>(
      name, [call](const int& value) { call(value); }, description);
  return options_.emplace_back(std::make_unique<Option>(*option)).get();
}

void Command::add_flag_callback(const std::string& name, const std::function<void()>& call,
                                const std::string& description) {
  app_->add_flag_callback(name, call, description);
}

void Command::set_version_flag(const std::string& name, const std::string& version,
                               const std::function<std::string()>& more) {
  // Before the version flag: CLI11 acts on options in the order in which they were added.
  CLI::Option* verbose =
      app_->add_flag("--verbose", verbose_, "With " + name + ": what a report of a problem needs, too");
  CLI::Option* flag = app_->set_version_flag(
      name, [this, version, more] { return verbose_ ? version + "\n" + more() : version; },
      "Print the version and stop");
  verbose->needs(flag);
}

void Command::set_keys(std::vector<config::KeyDescription> keys) {
  keys_ = std::move(keys);
}
void Command::hide() {
  app_->group("");
}

void Command::require_subcommand() {
  app_->require_subcommand(1);
}
void Command::fallthrough() {
  app_->fallthrough();
}
void Command::footer(const std::string& text) {
  app_->footer(text);
}
std::string Command::get_footer() const {
  return app_->get_footer();
}
std::string Command::value(const std::string& option) const {
  return app_->get_option(option)->as<std::string>();
}

const std::string& Command::name() const {
  return app_->get_name();
}

std::vector<Command*> Command::subcommands() const {
  std::vector<Command*> found;
  for (const std::unique_ptr<Command>& command : subcommands_) found.push_back(command.get());
  return found;
}

CommandDescription Command::describe() const {
  CommandDescription description{name(), app_->get_description(), get_footer(), {}, keys_, {}};
  for (const CLI::Option* option : app_->get_options()) {
    const auto own = std::find_if(options_.begin(), options_.end(),
                                  [&](const auto& candidate) { return candidate->option_ == option; });
    const std::string type = option->get_type_name();
    OptionDescription& added = description.options.emplace_back();
    added.name = option->get_positional() ? option->get_name(true) : option->get_name(false, true);
    added.is_argument = option->get_positional();
    added.help = option->get_description();
    if (option->get_type_size_max() > 0) added.value = type.substr(0, type.find(':'));
    added.several = option->get_items_expected_max() > 1;
    added.is_required = option->get_required();
    if (own == options_.end()) continue;
    added.choices = (*own)->choices_;
    added.is_path = (*own)->is_path_;
  }
  for (const std::unique_ptr<Command>& command : subcommands_) {
    if (!command->app_->get_group().empty()) description.verbs.push_back(command->describe());
  }
  return description;
}

void Command::callback(std::function<void()> run) {
  const CLI::App* parent = app_->get_parent();
  const bool nested = parent != nullptr && parent->get_parent() != nullptr;
  const std::string verb = nested ? parent->get_name() + " " + name() : name();
  app_->callback([app = app_, verb, run = std::move(run)] {
    // The hidden verb computes nothing, and packages call it in whatever environment they are made.
    if (!app->get_group().empty()) kernels::require_valid_isa();
    require_one_process(verb);
    run();
  });
}

void Command::shared_callback(std::function<void()> run) {
  app_->callback([run = std::move(run)] {
    kernels::require_valid_isa();
    share_work();
    run();
  });
}

static bool takes_value(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* option = app.get_option_no_throw(name)) return option->get_items_expected_max() > 0;
  const std::vector<const CLI::App*> commands = app.get_subcommands([](const CLI::App*) { return true; });
  return std::any_of(commands.begin(), commands.end(),
                     [&](const CLI::App* command) { return takes_value(*command, name); });
}

// CLI11 gives `--name=` the next word for its value.
static std::vector<std::string> with_empty_values(const CLI::App& app,
                                                  const std::vector<std::string>& arguments) {
  std::vector<std::string> result;
  bool options = true;
  for (const std::string& argument : arguments) {
    options = options && argument != "--";
    const bool ends = options && argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    const std::string name = argument.substr(0, argument.size() - 1);
    const bool empty_value = ends && takes_value(app, name);
    result.push_back(empty_value ? name : argument);
    if (empty_value) result.emplace_back();
  }
  return result;
}

int Command::parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments = with_empty_values(*app_, {argv, argv + argc});
  std::transform(arguments.begin() + 1, arguments.end(), arguments.begin() + 1, guarded);
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  try {
    app_->parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, wrong;
    const bool well = app_->exit(error, out, wrong) == 0;
    if (processes::launched_first()) fmt::print("{}", out.str());
    if (well) return 0;
    processes::fail(2, [&] { write_to_stderr(wrong.str()); });
    return 2;
  }
  return 0;
}

template Option* Command::add_option(const std::string&, std::string&, const std::string&);
template Option* Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option* Command::add_option(const std::string&, std::int64_t&, const std::string&);
template Option* Command::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option* Command::add_option(const std::string&, std::vector<std::int64_t>&, const std::string&);
template Option* Command::add_option(const std::string&, double&, const std::string&);
template Option* Command::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option* Command::add_option(const std::string&, std::optional<double>&, const std::string&);
template Option* Command::add_option(const std::string&, std::optional<std::string>&, const std::string&);

}  // namespace espalier::cli
