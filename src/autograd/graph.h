// The inside of the tape: what a Variable remembers, and one node for each recorded operation.
#pragma once

#include <cstdint>

#include "espalier/autograd/variable.h"

namespace espalier {

// One recorded operation. Inputs are owned (they live until this node has run), outputs are not.
struct GraphNode {
  GraphNode() = default;
  GraphNode(const GraphNode&) = delete;
  GraphNode& operator=(const GraphNode&) = delete;
  // Lets go of all nodes that only this one holds, however long their chain is: each destroyed by the one
  // before, 120000 of them overflow a stack of 8 MiB.
  ~GraphNode();

  const char* name = "";
  std::uint64_t sequence = 0;  // grows with time; inputs' producers always have a smaller one
  Variables inputs;
  Tensors output_grads;  // filled while backward() runs
  BackwardFunction backward;
  std::uint64_t sweep = 0;  // the last one that reached this node
  bool done = false;
  std::shared_ptr<GraphNode> next_dying;  // the list of ~GraphNode()
};

struct Variable::State {
  Tensor value;  // undefined behind without_value()
  Shape shape;
  Tensor grad;
  UnwrittenRows unwritten;  // of grad; only leaves have any
  bool requires_grad = false;
  std::shared_ptr<GraphNode> producer;  // null for leaves
  std::size_t output_index = 0;
  // Of a leaf, in a sweep that tells of complete gradients: that sweep, and uses of the leaf that it has not
  // reached yet.
  std::uint64_t sweep = 0;
  std::int64_t uses_left = 0;
};

// Gives the sweep access to a Variable's inside.
class Graph {
 public:
  static Variable::State& state(const Variable& variable) { return *variable.state_; }
  // The producer of a variable that nobody else holds, which forgets it; else null.
  static std::shared_ptr<GraphNode> take_producer(Variable& variable);
  static Variable make(Tensor value, std::shared_ptr<GraphNode> producer, std::size_t index);
};

double seconds_now();
// Whether an OperationTimes is alive on this thread, and what it then hears: that an operation has been
// computed, and how long its gradients took.
bool operations_are_timed();
void note_forward(const char* name);
void note_backward(const char* name, double seconds);

bool anomaly_detection_enabled();
// Throws RunError naming `operation` if a value is not finite. `what` says which tensor ("output",
// "gradient").
void check_finite(const Tensor& tensor, const char* operation, const char* what);

}  // namespace espalier
