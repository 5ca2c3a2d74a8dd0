#include "espalier/ops/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/bfloat16.h"
#include "ops/check.h"
#include "ops/kept.h"

namespace espalier::ops {
namespace {

constexpr const char* kAttention = "attention";
constexpr const char* kAttentionAt = "attention_at";
constexpr std::int64_t kMostDrawn = std::int64_t{1} << 32;  // numbers that a site of dropout owns

void check_rotary(const char* name, const RotaryTable& rotary, std::int64_t length, std::int64_t head_dim) {
  if (rotary.head_dim() != head_dim) {
    fail(name, fmt::format("the rotary table is for heads of {}, but heads here are {} wide",
                           rotary.head_dim(), head_dim));
  }
  if (rotary.positions() < length) {
    fail(name, fmt::format("the rotary table has {} positions, too few for a sequence of {}",
                           rotary.positions(), length));
  }
}

// How the rows of an input are sequences.
struct Sequences {
  std::int64_t batch = 0, longest = 0, rows = 0;
};

// `shape` [B,S,...] or, with first_rows, [N,...].
Sequences sequences_of(const Shape& shape, const AttentionOptions& options) {
  if (!options.first_rows.defined()) return {shape[0], shape[1], shape[0] * shape[1]};
  const auto first = options.first_rows.span();
  Sequences sequences{options.first_rows.size() - 1, 0, shape[0]};
  for (std::size_t i = 0; i + 1 < first.size(); ++i) {
    sequences.longest = std::max<std::int64_t>(sequences.longest, first[i + 1] - first[i]);
  }
  return sequences;
}

void check_first_rows(const char* name, const char* argument, const Shape& shape,
                      const AttentionOptions& options) {
  require_rank(name, argument, shape, options.first_rows.defined() ? 2 : 3);
  if (!options.first_rows.defined()) return;
  const auto first = options.first_rows.span();
  if (first.empty() || first.front() != 0 || first.back() != shape[0] ||
      !std::is_sorted(first.begin(), first.end())) {
    fail(name,
         fmt::format("first_rows must ascend from 0 to the number of rows of {} {}", argument, shape.str()));
  }
  if (options.mask.defined()) fail(name, "first_rows leaves no padding, so there is no mask with it");
}

// `shape` of `argument`, whose last axis has `parts` vectors of each head.
void check(const char* name, const char* argument, const char* batch_and_length, const Shape& shape,
           int parts, const AttentionOptions& options) {
  check_first_rows(name, argument, shape, options);
  if (options.heads < 1) fail(name, fmt::format("heads must be at least 1, got {}", options.heads));
  if (shape.columns() == 0 || shape.columns() % (parts * options.heads) != 0) {
    fail(name, fmt::format("the last axis of {} {} must be a positive multiple of {} * {} heads", argument,
                           shape.str(), parts, options.heads));
  }
  if (options.mask.defined()) {
    require_shape(name, "mask", options.mask.shape(), {shape[0], shape[1]}, batch_and_length, shape);
  }
  if (!(options.scale >= 0.0F)) fail(name, fmt::format("scale must be at least 0, got {}", options.scale));
  if (options.rotary.defined()) {
    check_rotary(name, options.rotary, sequences_of(shape, options).longest,
                 shape.columns() / parts / options.heads);
  }
}

void check_dropout(const Shape& shape, const AttentionOptions& options) {
  if (!(options.dropout >= 0.0F && options.dropout < 1.0F)) {
    fail(kAttention, fmt::format("dropout must be at least 0 and below 1, got {}", options.dropout));
  }
  if (options.dropout == 0.0F) return;
  require_site(kAttention, options.key.site);
  const Sequences sequences = sequences_of(shape, options);
  const std::int64_t drawn =
      sequences.batch * options.heads * ((sequences.longest * sequences.longest + 3) / 4 * 4);
  if (drawn > kMostDrawn) {
    fail(kAttention, fmt::format("dropout has 2^32 numbers a site, but qkv {} (heads: {}) needs {}",
                                 shape.str(), options.heads, drawn));
  }
}

// Points into the options' tensors, which must outlive it.
kernels::Attention problem_of(const Shape& shape, int parts, const AttentionOptions& options) {
  const Sequences sequences = sequences_of(shape, options);
  kernels::Attention problem;
  problem.batch = sequences.batch;
  problem.length = sequences.longest;
  problem.first_key = options.first_rows.data();
  problem.heads = options.heads;
  problem.head_dim = shape.columns() / parts / options.heads;
  problem.scale =
      options.scale > 0.0F ? options.scale : 1.0F / std::sqrt(static_cast<float>(problem.head_dim));
  problem.rotary = options.rotary.angles.data();
  problem.mask = options.mask.data();
  problem.dropout = options.dropout;
  problem.random = Philox(options.key.seed, RandomStream::kDropout, options.key.step);
  problem.dropout_first = options.key.site << 32;
  return problem;
}

void check_queries(const Variable& query, const Variable& key_value, const IntTensor& positions,
                   const AttentionOptions& options) {
  const Shape& shape = key_value.shape();
  require_rank(kAttentionAt, "query", query.shape(), 2);
  require_shape(kAttentionAt, "query", query.shape(), {positions.size(), shape.columns() / 2},
                "positions, and half of the last axis of key_value", shape);
  if (options.dropout != 0.0F) fail(kAttentionAt, "dropout is only possible with queries of all positions");
  require_indices(kAttentionAt, "positions", positions, "key_value, by rows,",
                  {sequences_of(shape, options).rows});
  if (!std::is_sorted(positions.span().begin(), positions.span().end())) {
    fail(kAttentionAt, "positions must ascend");
  }
}

// [B + 1]: the first query of each sequence, and the number of all.
IntTensor first_queries(const IntTensor& positions, const Shape& shape, const AttentionOptions& options) {
  const Sequences sequences = sequences_of(shape, options);
  IntTensor first = IntTensor::empty({sequences.batch + 1});
  const auto all = positions.span();
  for (std::int64_t sequence = 0; sequence <= sequences.batch; ++sequence) {
    const std::int64_t row =
        options.first_rows.defined() ? options.first_rows.data()[sequence] : sequence * sequences.longest;
    first.data()[sequence] =
        static_cast<std::int32_t>(std::lower_bound(all.begin(), all.end(), row) - all.begin());
  }
  return first;
}

// The input's gradient slot, or `unused` memory where nobody wants that gradient.
Destination slot_or_unused(Variable& input, Tensor& unused) {
  if (input.requires_grad()) return input.grad_slot();
  unused = Tensor::empty(input.shape());
  return unused.data();
}

// Packed projections as products read them: where they lie, or rounded, queries apart from keys and values.
// Those of one 18 MiB block would leave no block that serves a gradient (tensor/pool.h).
class KeptProjections {
 public:
  KeptProjections(const kernels::Attention& problem, const Tensor& qkv, Precision precision) {
    if (precision != Precision::kBf16) {
      packed_ = qkv;
      return;
    }
    const std::int64_t width = problem.head_dim, rows = qkv.shape().rows();
    const auto columns = [&](std::int64_t first, std::int64_t count) {
      Bfloat16Tensor part = Bfloat16Tensor::empty({rows, problem.heads * count});
      kernels::round_columns_to_bfloat16(rows, problem.heads, 3 * width, first, count, qkv.data(),
                                         part.data());
      return part;
    };
    query_ = columns(0, width);
    key_value_ = columns(width, 2 * width);
  }

  template <class Use>
  void visit(const kernels::Attention& problem, const Use& use) const {
    if (query_.defined())
      return use(kernels::separate_projections(problem, query_.data(), key_value_.data()));
    use(kernels::packed_projections(problem, packed_.data()));
  }

 private:
  Tensor packed_;
  Bfloat16Tensor query_, key_value_;
};

}  // namespace

Variable attention(const Variable& qkv, const AttentionOptions& options) {
  require_defined(kAttention, "qkv", qkv);
  check(kAttention, "qkv", "batch and length of qkv", qkv.shape(), 3, options);
  check_dropout(qkv.shape(), options);
  const Shape& shape = qkv.shape();
  Tensor y = Tensor::empty(shape.with_last(shape.columns() / 3));
  const kernels::Attention problem = problem_of(shape, 3, options);
  const KeptProjections kept(problem, qkv.value(), options.precision);
  kept.visit(problem, [&](const auto& projections) { kernels::attention(problem, projections, y.data()); });
  return record(kAttention, std::move(y), {qkv.without_value()},
                [options, kept](const Tensor& dy, std::span<Variable> in) {
                  const kernels::Attention again = problem_of(in[0].shape(), 3, options);
                  const Destination dqkv = in[0].grad_slot();  // of qkv's shape
                  kept.visit(again, [&](const auto& projections) {
                    kernels::attention_backward(again, projections, dy.data(),
                                                kernels::packed_projections(again, dqkv));
                  });
                });
}

Variable attention_at(const Variable& query, const Variable& key_value, const IntTensor& positions,
                      const AttentionOptions& options) {
  require_defined(kAttentionAt, "query", query);
  require_defined(kAttentionAt, "key_value", key_value);
  check(kAttentionAt, "key_value", "batch and length of key_value", key_value.shape(), 2, options);
  check_queries(query, key_value, positions, options);
  const IntTensor first = first_queries(positions, key_value.shape(), options);
  const auto problem_at = [options, positions, first](const Shape& shape) {
    kernels::Attention problem = problem_of(shape, 2, options);
    problem.query_positions = positions.data();
    problem.first_query = first.data();
    return problem;
  };
  Tensor y = Tensor::empty(query.shape());
  const kernels::Attention problem = problem_at(key_value.shape());
  const Kept queries(query.value(), options.precision), keys(key_value.value(), options.precision);
  Kept::visit(queries, keys, [&](const auto* of_queries, const auto* of_keys) {
    kernels::attention(problem, kernels::separate_projections(problem, of_queries, of_keys), y.data());
  });
  return record(kAttentionAt, std::move(y), {query.without_value(), key_value.without_value()},
                [problem_at, queries, keys](const Tensor& dy, std::span<Variable> in) {
                  const kernels::Attention again = problem_at(in[1].shape());
                  Tensor unused[2];
                  const Destination dq = slot_or_unused(in[0], unused[0]);   // [n,d]
                  const Destination dkv = slot_or_unused(in[1], unused[1]);  // of key_value's shape
                  Kept::visit(queries, keys, [&](const auto* of_queries, const auto* of_keys) {
                    kernels::attention_backward(again,
                                                kernels::separate_projections(again, of_queries, of_keys),
                                                dy.data(), kernels::separate_projections(again, dq, dkv));
                  });
                });
}

}  // namespace espalier::ops
