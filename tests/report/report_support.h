// Run folders made of lines, and what must be true of every page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/train/pretrain_metrics.h"
#include "tests/support/support.h"

namespace espalier::testing {

// A line of metrics.jsonl after `step` updates, of trees that are annealed.
std::string step_line(std::int64_t step, double loss);
// An evaluation of a model with `layers` layers of `trees` trees of depth 3.
std::string evaluation_line(std::int64_t step, double loss, std::size_t layers, std::size_t trees);

// A pretraining with `steps` lines, and an evaluation after every tenth.
std::filesystem::path write_pretraining(const TempDir& dir, const std::string& name, std::int64_t steps,
                                        const std::string& config = "");

// Fails the test unless the page is well-formed (every element is closed in order, attributes are quoted),
// loads nothing and runs nothing.
void check_page(const std::string& html);

bool contains(const std::string& text, const std::string& part);

}  // namespace espalier::testing
