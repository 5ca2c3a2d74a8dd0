// Where the tokens of a tree go, level by level from the root above.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/detail.h"

namespace espalier::report {

struct IcicleTree {
  std::string name;  // "tree 0"
  std::vector<std::int64_t>
      leaves;  // tokens of each leaf, or of equal spans of leaves, from the left: 2^n of them
  std::vector<std::string> remarks = {};  // beside the numbers of each of these; none at all, or as many
};

// A figure with a picture a tree: nodes are as wide as their share of the tokens; the narrowest are not
// drawn.
std::string icicle_html(const std::string& title, const std::vector<IcicleTree>& trees,
                        const std::string& note, const Detail& detail);

}  // namespace espalier::report
