// What the verbs that read a configuration share: `VERB CONFIG [KEY=VALUE ...]`, --help with every key,
// --dump-config.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "cli/command.h"
#include "cli/sharing.h"

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/config/fields.h"

namespace espalier::cli {

// Prints it, and warns of what keeps it from being run: the files of configs/ leave to the command line what
// is everybody's own. InputError for a key of the command line that it does not read: in the file that is
// made of what is printed nobody would tell.
template <class Config>
void print_resolved(const Config& resolved, const std::function<void(const Config&)>& require_read) {
  if (require_read) {
    require_read(resolved);
  } else if constexpr (requires { resolved.given; }) {
    config::require_read(resolved);
  }
  fmt::print("{}", config::dump(resolved));
  try {
    validate(resolved);
  } catch (const InputError& error) {
    log_warning(fmt::format("a run would refuse this configuration: {}", error.what()));
  }
}

// Adds the subcommand. `run` gets the resolved configuration; with `shared` several processes run it
// together. `require_read` refuses keys that the configuration does not read, where config::require_read()
// does not do.
template <class Config>
Command* add_config_verb(Command& app, const std::string& name, const std::string& summary,
                         std::function<void(const Config&)> run, bool shared = false,
                         std::function<void(const Config&)> require_read = {}) {
  struct Arguments {
    std::string config;
    std::vector<std::string> overrides;
    bool dump = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  Command* verb = app.add_subcommand(name, summary);
  verb->add_option("CONFIG", arguments->config, "YAML file")->required();
  // CLI11 since 2.4 takes no name with an equals sign.
  verb->add_option("OVERRIDE", arguments->overrides, "KEY=VALUE, which wins over the file's value");
  verb->add_flag("--dump-config", arguments->dump, "Print the resolved configuration and stop");
  Config defaults;
  config::Fields fields;
  describe(defaults, fields);
  std::vector<config::KeyDescription> keys = fields.keys();
  std::erase_if(keys, [](const auto& key) { return key.name.ends_with('*'); });
  verb->set_keys(std::move(keys));
  verb->footer("\nKeys of CONFIG, also as KEY=VALUE:\n" + fields.help());
  const auto start = [arguments, name, run = std::move(run), require_read = std::move(require_read)] {
    const std::string& file = arguments->config;
    if (file.empty()) throw InputError(name + ": expected CONFIG, a YAML file, found an empty word");
    if (file.find('=') != std::string::npos && !std::filesystem::exists(file)) {
      throw InputError(fmt::format("{}: expected CONFIG, a YAML file, before `{}`", name, file));
    }
    const Config config = config::load<Config>(arguments->config, arguments->overrides);
    if (arguments->dump) return print_resolved(config, require_read);
    require_same_settings(config::settings_of(config));
    run(config);
  };
  if (shared) {
    verb->shared_callback(start);
  } else {
    verb->callback(start);
  }
  return verb;
}

}  // namespace espalier::cli
