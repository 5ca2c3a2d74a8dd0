// Documents of which less is wanted than they hold.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "espalier/io/json.h"

namespace espalier::io {

// Sees each object of a document as it ends, inner ones first, and may put less into its place.
using ObjectUse = std::function<void(Json& object)>;

// As parse_json, with no more in memory at a time than `use` leaves.
Json parse_json(std::string_view text, const std::string& where, const ObjectUse& use);

}  // namespace espalier::io
