#include "espalier/ops/shape.h"

#include <array>

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

// Index of element (coordinates) in a row-major array; the plain twins go element by element.
std::size_t flat_index(const Shape& shape, const std::array<std::int64_t, 6>& at) {
  std::int64_t index = 0;
  for (int axis = 0; axis < shape.rank(); ++axis)
    index = index * shape[axis] + at[static_cast<std::size_t>(axis)];
  return static_cast<std::size_t>(index);
}

std::array<std::int64_t, 6> coordinates(const Shape& shape, std::int64_t index) {
  std::array<std::int64_t, 6> at{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[static_cast<std::size_t>(axis)] = index % shape[axis];
    index /= shape[axis];
  }
  return at;
}

// out[c] = x[source(c)] for every coordinate c of `result`.
template <class Source>
Doubles plain_map(const Shape& result, const Shape& from, const Doubles& x, const Source& source) {
  Doubles out;
  for (std::int64_t i = 0; i < result.elements(); ++i)
    out.push_back(x[flat_index(from, source(coordinates(result, i)))]);
  return out;
}

}  // namespace

TEST_CASE("reshape keeps the elements") {
  const std::pair<Shape, Shape> cases[] = {{{2, 6}, {3, 4}}, {{12}, {2, 3, 2}}, {{1}, {}}, {{0, 3}, {5, 0}}};
  for (const auto& [from, to] : cases) {
    const auto op = [to = to](std::span<const Variable> in) { return reshape(in[0], to); };
    testing::full_check(op, [](std::span<const Doubles> in) { return in[0]; }, {random_tensor(from, 1)});
    CHECK(op(std::vector<Variable>{Variable(random_tensor(from, 1))}).shape() == to);
  }
  CHECK(testing::error_of([] {
          reshape(Variable(Tensor::zeros({2, 12})), {5, 5});
        }) == "reshape: shape must hold 24 elements (x [2,12]), got [5,5]");
}

TEST_CASE("permute: every order of axes") {
  const struct {
    Shape x;
    std::vector<int> axes;
    Shape result;
  } cases[] = {{{2, 3, 4}, {2, 0, 1}, {4, 2, 3}},
               {{2, 3, 4}, {1, 0, 2}, {3, 2, 4}},
               {{2, 3, 4}, {0, 1, 2}, {2, 3, 4}},
               {{5}, {0}, {5}},
               {{}, {}, {}},
               {{3, 0, 2}, {2, 1, 0}, {2, 0, 3}},
               {{2, 1, 3, 2, 2, 3}, {5, 3, 0, 4, 2, 1}, {3, 2, 2, 2, 3, 1}}};
  for (const auto& c : cases) {
    const auto op = [&](std::span<const Variable> in) { return permute(in[0], c.axes); };
    const auto twin = [&](std::span<const Doubles> in) {
      return plain_map(c.result, c.x, in[0], [&](const std::array<std::int64_t, 6>& at) {
        std::array<std::int64_t, 6> from{};
        for (std::size_t j = 0; j < c.axes.size(); ++j) from[static_cast<std::size_t>(c.axes[j])] = at[j];
        return from;
      });
    };
    CHECK(permute(Variable(Tensor::zeros(c.x)), c.axes).shape() == c.result);
    testing::full_check(op, twin, {random_tensor(c.x, 2)});
  }
  const Variable x(Tensor::zeros({2, 3, 4}));
  for (const std::vector<int>& axes : {std::vector<int>{0, 0, 1}, {0, 1}, {0, 1, 3}, {-1, 0, 1}}) {
    CHECK(testing::error_of([&] {
            permute(x, axes);
          }).starts_with("permute: axes must name each axis of x [2,3,4] once, counted from 0, got ["));
  }
}

TEST_CASE("transpose exchanges two axes, negative ones counted from the end") {
  const Shape shape{2, 3, 4};
  const auto op = [](std::span<const Variable> in) { return transpose(in[0], -1, 0); };
  const auto twin = [&](std::span<const Doubles> in) {
    return plain_map({4, 3, 2}, shape, in[0], [](std::array<std::int64_t, 6> at) {
      std::swap(at[0], at[2]);
      return at;
    });
  };
  testing::full_check(op, twin, {random_tensor(shape, 3)});
  const Variable x(Tensor::zeros(shape));
  CHECK(transpose(x, 1, 1).shape() == shape);
  CHECK(testing::error_of([&] { transpose(x, 0, 3); }) ==
        "transpose: axis 3 is outside x [2,3,4] (axes -3 to 2)");
  CHECK(testing::error_of([&] { transpose(Variable(Tensor::zeros({})), 0, 0); }) ==
        "transpose: axis 0 is outside x [], which has no axes");
}

TEST_CASE("slice: a range of any axis, empty ones included") {
  const struct {
    Shape x;
    int axis;
    std::int64_t begin, end;
    Shape result;
  } cases[] = {{{5, 3}, 0, 1, 4, {3, 3}},        {{5, 3}, 1, 0, 1, {5, 1}}, {{2, 4, 3}, 1, 2, 4, {2, 2, 3}},
               {{2, 4, 3}, -1, 1, 3, {2, 4, 2}}, {{5, 3}, 0, 2, 2, {0, 3}}, {{5}, 0, 0, 5, {5}},
               {{0, 3}, 1, 1, 2, {0, 1}},        {{5, 0}, 0, 3, 5, {2, 0}}};
  for (const auto& c : cases) {
    const auto axis = static_cast<std::size_t>(c.axis < 0 ? c.axis + c.x.rank() : c.axis);
    const auto op = [&](std::span<const Variable> in) { return slice(in[0], c.axis, c.begin, c.end); };
    const auto twin = [&](std::span<const Doubles> in) {
      return plain_map(c.result, c.x, in[0], [&](std::array<std::int64_t, 6> at) {
        at[axis] += c.begin;
        return at;
      });
    };
    CHECK(slice(Variable(Tensor::zeros(c.x)), c.axis, c.begin, c.end).shape() == c.result);
    testing::full_check(op, twin, {random_tensor(c.x, 4)});
  }
  const Variable x(Tensor::zeros({2, 5}));
  const auto error = [&](std::int64_t begin, std::int64_t end) {
    return testing::error_of([&] { slice(x, -1, begin, end); });
  };
  CHECK(error(3, 9) == "slice: range 3 to 9 is not within axis 1 of x [2,5] (0 to 5)");
  CHECK(error(-1, 2) == "slice: range -1 to 2 is not within axis 1 of x [2,5] (0 to 5)");
  CHECK(error(3, 2) == "slice: range 3 to 2 is not within axis 1 of x [2,5] (0 to 5)");
}

TEST_CASE("concat: along any axis, of any number of inputs") {
  const struct {
    std::vector<Shape> inputs;
    int axis;
    Shape result;
  } cases[] = {{{{2, 3}, {1, 3}}, 0, {3, 3}},           {{{2, 3}, {2, 1}, {2, 2}}, 1, {2, 6}},
               {{{2, 1, 3}, {2, 4, 3}}, -2, {2, 5, 3}}, {{{4}}, 0, {4}},
               {{{2, 0}, {2, 3}}, 1, {2, 3}},           {{{0, 2}, {0, 1}}, 1, {0, 3}}};
  for (const auto& c : cases) {
    std::vector<Tensor> inputs;
    for (const Shape& shape : c.inputs) inputs.push_back(random_tensor(shape, 5 + inputs.size()));
    const auto op = [&](std::span<const Variable> in) { return concat({in.begin(), in.end()}, c.axis); };
    const auto axis = static_cast<std::size_t>(c.axis < 0 ? c.axis + c.result.rank() : c.axis);
    const auto twin = [&](std::span<const Doubles> in) {
      Doubles out;
      for (std::int64_t i = 0; i < c.result.elements(); ++i) {
        std::array<std::int64_t, 6> at = coordinates(c.result, i);
        std::size_t which = 0;
        while (at[axis] >= c.inputs[which][static_cast<int>(axis)])
          at[axis] -= c.inputs[which++][static_cast<int>(axis)];
        out.push_back(in[which][flat_index(c.inputs[which], at)]);
      }
      return out;
    };
    CHECK(op(std::vector<Variable>(inputs.begin(), inputs.end())).shape() == c.result);
    testing::full_check(op, twin, inputs);
  }
}

TEST_CASE("concat: one variable twice, and errors") {
  const auto twice = [](std::span<const Variable> in) { return concat({in[0], in[0]}, 0); };
  const auto twin = [](std::span<const Doubles> in) {
    Doubles out = in[0];
    out.insert(out.end(), in[0].begin(), in[0].end());
    return out;
  };
  testing::full_check(twice, twin, {random_tensor({3}, 9)});
  const Variable x(Tensor::zeros({2, 3, 4}));
  const auto error = [&](const Shape& other) {
    return testing::error_of([&] { concat({x, Variable(Tensor::zeros(other))}, 1); });
  };
  CHECK(error({2, 5, 7}) ==
        "concat: inputs[1] must be [2,5,4] (all axes but 1 as inputs[0] [2,3,4]), got [2,5,7]");
  CHECK(error({2, 5}) == "concat: inputs[1] must have 3 axes, got [2,5]");
  CHECK(testing::error_of([] { concat({}, 0); }) == "concat: at least one input must be given");
  CHECK(testing::error_of([&] {
          concat({x, Variable()}, 0);
        }) == "concat: every input must be given, got an undefined variable");
}

}  // namespace espalier::ops
