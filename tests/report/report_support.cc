#include "tests/report/report_support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <regex>

#include "espalier/config/fields.h"
#include "espalier/config/pretrain_config.h"

namespace espalier::testing {

std::string step_line(std::int64_t step, double loss) {
  train::PretrainStep line;
  line.step = step;
  line.tokens = 1000 * step;
  line.loss = loss;
  line.accuracy = 0.25;
  line.learning_rate = 1e-3;
  line.batch_size = 16;
  line.grad_norm = 1.5;
  line.temperature = 0.5;
  line.entropy = 0.3;
  line.surviving_nodes = 9;
  line.dropped_mass = 0.01;
  line.time = 2.0 * static_cast<double>(step);
  line.tokens_per_s = 500;
  line.rss = 200'000'000;
  return io::to_json(line).dump() + "\n";
}

std::string evaluation_line(std::int64_t step, double loss, std::size_t layers, std::size_t trees) {
  train::PretrainEvaluation line;
  line.step = step;
  line.tokens = 1000 * step;
  line.scores.loss = loss;
  line.scores.perplexity = 100;
  line.scores.accuracy = 0.2;
  line.scores.unigram_loss = 7;
  line.scores.loss_hard = loss;
  line.scores.loss_soft = loss - 0.01;
  line.scores.hardening_gap = 0.01;
  train::TreeScores layer{
      {0.69, 0.3, 0.1}, {0.9, 0.2, 0.1}, 0.75, std::vector<double>(trees, 4.0), 0.4, {}, 0};
  for (; static_cast<std::size_t>(layer.layer) < layers; ++layer.layer) line.scores.routing.push_back(layer);
  return io::to_json(line).dump() + "\n";
}

std::filesystem::path write_pretraining(const TempDir& dir, const std::string& name, std::int64_t steps,
                                        const std::string& config) {
  const std::filesystem::path run = dir / name;
  std::filesystem::create_directories(run);
  std::ofstream(run / "config.yaml") << (config.empty() ? config::dump(config::PretrainConfig()) : config);
  std::ofstream lines(run / "metrics.jsonl");
  for (std::int64_t step = 1; step <= steps; ++step) {
    const double loss = 3 + 5.0 / static_cast<double>(step);
    lines << step_line(step, loss);
    if (step % 10 == 0) lines << evaluation_line(step, loss + 0.1, 2, 1);
  }
  return run;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void check_page(const std::string& html) {
  // Style sheets hold none of < and &.
  static const std::regex tag(R"re(<(/?)([a-zA-Z0-9]+)((?:\s+[a-zA-Z-]+="[^"<]*")*)\s*(/?)>)re");
  std::vector<std::string> open;
  std::size_t end = html.find("<html");
  for (auto match = std::sregex_iterator(html.begin() + static_cast<std::ptrdiff_t>(end), html.end(), tag);
       match != std::sregex_iterator(); ++match) {
    if ((*match)[4].length() > 0) continue;
    if ((*match)[1].length() == 0) {
      open.push_back((*match)[2]);
      continue;
    }
    REQUIRE(!open.empty());
    CHECK(open.back() == (*match)[2]);
    open.pop_back();
  }
  CHECK(open.empty());
  // Whatever is no tag of that form is text, in which < may not stand.
  const std::string rest = std::regex_replace(html.substr(end), tag, "");
  CHECK(rest.find('<') == std::string::npos);
  CHECK(contains(html, "Content-Security-Policy\" content=\"default-src 'none';"));
  for (const char* forbidden : {"<script", "src=", "href=", "@import", "url(", "onload", "onerror"}) {
    INFO(forbidden);
    CHECK(!contains(html, forbidden));
  }
}

}  // namespace espalier::testing
