// The engine between start() and finish(), for what exchanges more than gather() does.
#pragma once

#include "processes/engine.h"

namespace espalier::processes {

Engine& own_engine();

}  // namespace espalier::processes
