#include "report/published.h"

#include "espalier/data/glue_published.h"

namespace espalier::report {

std::vector<ForestReference> published_scores(const std::string& task) {
  std::vector<ForestReference> scores;
  for (std::size_t i = 0; i < data::glue_columns().size(); ++i) {
    if (data::glue_columns()[i].task != task) continue;
    for (const data::PublishedGlue& model : data::published_glue())
      scores.push_back({model.model, model.scores[i]});
  }
  return scores;
}

}  // namespace espalier::report
