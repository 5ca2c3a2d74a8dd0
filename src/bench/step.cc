#include "espalier/bench/step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <vector>

#include "bench/references.h"
#include "bench/timing.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "espalier/base/progress.h"
#include "espalier/base/resident_memory.h"
#include "espalier/bench/fff.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/safetensors.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "espalier/tensor/pool.h"
#include "train/not_finite.h"
#include "train/pretrain_update.h"

namespace espalier::bench {
namespace {

// Different batches that steps take turns over.
constexpr std::int64_t kBatches = 4;
constexpr std::int64_t kDefaultVocabulary = 32768;

data::MaskedBatch random_batch(const StepOptions& options, std::int64_t number) {
  const auto vocabulary = static_cast<std::uint32_t>(options.config.arch.embedding.vocab_size);
  data::MaskingOptions masking;
  masking.rate = options.config.mask_rate;
  masking.vocabulary_size = static_cast<std::int32_t>(vocabulary);
  masking.mask_id = static_cast<std::int32_t>(vocabulary - 1);
  data::MaskedBatch batch;
  batch.ids = IntTensor::empty({options.sequences, options.length});
  const Philox random(options.config.seed, RandomStream::kInit, static_cast<std::uint64_t>(number));
  for (std::int64_t i = 0; i < batch.ids.size(); ++i) {
    batch.ids.data()[i] = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(i), vocabulary));
  }
  for (std::int64_t s = 0; s < options.sequences; ++s) {
    std::vector<std::int32_t> positions;
    mask_sequence(masking, 0, static_cast<std::uint64_t>(number * options.sequences + s),
                  batch.ids.span().subspan(static_cast<std::size_t>(s * options.length),
                                           static_cast<std::size_t>(options.length)),
                  positions, batch.targets);
    for (const std::int32_t position : positions) {
      batch.positions.push_back(position + static_cast<std::int32_t>(s * options.length));
    }
  }
  return batch;
}

// |a - b| / |b|
double relative_difference(const Tensor& a, const Tensor& b) {
  double difference = 0, size = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
    difference += (x - y) * (x - y);
    size += y * y;
  }
  return std::sqrt(difference / size);
}

// One model and what it is measured with.
class StepRun {
 public:
  explicit StepRun(const StepOptions& options)
      : options_(options),
        config_(options.config),
        plan_(train::plan_update(config_, options.progress)),
        model_(config_.arch),
        updater_(model_, {.optimizer = config_.optimizer, .seed = config_.seed, .dropout = config_.dropout}) {
    initialize(model_, config_.arch.init_std, config_.seed);
    model_.use_precision(config_.precision);
    for (std::int64_t i = 0; i < kBatches; ++i) batches_.push_back(random_batch(options, i));
  }

  // One update, all sequences in one group.
  train::UpdateResult train() {
    const data::MaskedBatch& batch = batches_[static_cast<std::size_t>(steps_ % kBatches)];
    const auto predictions = static_cast<double>(batch.positions.size());
    const auto loss = [&](const train::SequenceGroup&, nn::ForwardContext& context) {
      return model_.loss({batch.ids}, batch.positions, batch.targets, predictions, context).loss;
    };
    train::UpdateResult result;
    try {
      result = updater_.update(train::SequenceGroups::whole(options_.sequences), loss,
                               {.lr = plan_.lr, .routing = plan_.routing, .pass = steps_});
    } catch (const train::NotFinite& found) {
      throw RunError(
          fmt::format("bench step: {} of step {} is not finite; lower train.lr", found.quantity, steps_ + 1));
    }
    ++steps_;
    return result;
  }

  // From here on nothing trains.
  void fix_weights(ops::Precision precision) { model_.fix_weights(precision); }

  // Hidden states of the batch whose turn it is, or of one of its sequences.
  Variable forward(std::int64_t sequences, ops::Precision precision) {
    const NoGradGuard no_gradient;
    model_.use_precision(precision);
    nn::ForwardContext context;
    context.routing = plan_.routing.trees;
    // The sequence changes with each call, so that trees do not find its rows in the nearest cache.
    const std::int64_t first = sequences < options_.sequences ? forwards_ % options_.sequences : 0;
    const data::MaskedBatch& batch = batches_[static_cast<std::size_t>(forwards_ % kBatches)];
    ++forwards_;
    return model_.encoder().forward({batch.ids.slice_rows(first, first + sequences)}, context);
  }
  // Of the hidden states of the first batch from those in float32.
  double difference(ops::Precision precision) {
    forwards_ = 0;
    const Variable own = forward(options_.sequences, precision);
    forwards_ = 0;
    return relative_difference(own.value(), forward(options_.sequences, ops::Precision::kFloat32).value());
  }
  bool trains() const { return config_.precision != ops::Precision::kInt8; }

  // The model and what it gives for the first batch.
  void write(const std::filesystem::path& folder) {
    io::HfModel exported;
    exported.arch = config_.arch;
    exported.tensors = model::named_tensors(model_);
    std::filesystem::create_directories(folder);
    io::write_hf_model(folder / "model", exported);
    const NoGradGuard no_gradient;
    // Before fix_weights() there are no bytes to compute from; what others are compared with is float32
    // anyway.
    if (!trains()) model_.use_precision(ops::Precision::kFloat32);
    const data::MaskedBatch& batch = batches_[0];
    nn::ForwardContext first, second;
    const Variable hidden = model_.encoder().forward({batch.ids}, first);
    const nn::MaskedLmResult result = model_.loss({batch.ids}, batch.positions, batch.targets,
                                                  static_cast<double>(batch.positions.size()), second);
    const auto integers = [](std::span<const std::int32_t> values, const Shape& shape) {
      return Tensor::from(shape, std::vector<float>(values.begin(), values.end()));
    };
    const auto predicted = static_cast<std::int64_t>(batch.positions.size());
    const std::vector<io::SafetensorsEntry> entries = {
        {"ids", integers(batch.ids.span(), batch.ids.shape()), io::DType::kI64},
        {"positions", integers(batch.positions, {predicted}), io::DType::kI64},
        {"targets", integers(batch.targets, {predicted}), io::DType::kI64},
        {"hidden", hidden.value()},
        {"loss", Tensor::full({1}, result.loss.item())}};
    io::write_safetensors(folder / "batch.safetensors", entries);
  }

  nn::MaskedLm& model() { return model_; }
  const ops::TreeRouting& routing() const { return plan_.routing.trees; }
  bool leaves_out_paths() const {
    return (routing().mode == ops::RoutingMode::kSoft && routing().epsilon > 0) ||
           (routing().mode == ops::RoutingMode::kStraightThrough && routing().ste_epsilon > 0);
  }

 private:
  const StepOptions& options_;
  const config::PretrainConfig& config_;
  train::PretrainPlan plan_;
  nn::MaskedLm model_;
  train::Updater updater_;
  std::vector<data::MaskedBatch> batches_;
  std::int64_t steps_ = 0;
  std::int64_t forwards_ = 0;
};

void require_valid(const StepOptions& options) {
  if (options.sequences < 1 || options.length < 1 || options.rounds < 1) {
    throw InputError("bench step: --sequences, --length and --rounds must be at least 1");
  }
  if (options.length > options.config.arch.embedding.max_positions) {
    throw InputError(fmt::format("bench step: --length {} is more than arch.embedding.max_positions ({})",
                                 options.length, options.config.arch.embedding.max_positions));
  }
  nn::validate(options.config.arch);
  config::validate(options.config.routing);
  ops::require_fast(options.config.precision, "train.precision");
}

// What is measured at the moment, of a run that takes minutes with a full model.
class Stages {
 public:
  explicit Stages(std::int64_t rounds) : rounds_(rounds), progress_("bench step") {}

  // Training step or forward pass number `round`; 0: the first, which only warms up.
  void training(std::int64_t round) { show(kTraining * round, "training step", round); }
  void forward(std::int64_t round) { show(kTraining * (rounds_ + 1) + round, "forward pass", round); }

 private:
  // A step takes about as long as this many forward passes.
  static constexpr std::int64_t kTraining = 3;

  void show(std::int64_t done, const char* what, std::int64_t round) {
    progress_.update(
        static_cast<double>(done) / static_cast<double>((kTraining + 1) * (rounds_ + 1)),
        round == 0 ? fmt::format("first {}", what) : fmt::format("{} {} of {}", what, round, rounds_));
  }

  std::int64_t rounds_;
  Progress progress_;
};

// The steps' times, and the rest of the row that they give.
void measure_training(StepRun& run, const StepOptions& options, Stages& stages, StepRow& row,
                      std::vector<double>& gemm) {
  GemmPeak peak;
  stages.training(0);
  row.first_loss = run.train().loss;
  const std::int64_t allocations = pool_statistics().system_allocations;
  std::vector<double> seconds, optimizer_seconds;
  for (std::int64_t round = 0; round < options.rounds; ++round) {
    stop_if_interrupted();
    stages.training(round + 1);
    const double first = peak.measure();
    const double begin = now_seconds();
    const train::UpdateResult result = run.train();
    seconds.push_back(now_seconds() - begin);
    row.last_loss = result.loss;
    optimizer_seconds.push_back(result.optimizer_seconds);
    gemm.push_back((first + peak.measure()) / 2);
  }
  row.pool_allocations = pool_statistics().system_allocations - allocations;
  row.peak_rss_gb = static_cast<double>(peak_resident_bytes()) / 1e9;
  const double tokens = static_cast<double>(options.sequences * options.length);
  row.train_tokens_per_s = tokens / median(seconds);
  row.spread = spread(seconds);
  row.optimizer_ms = 1e3 * median(optimizer_seconds);
  row.optimizer_share = median_ratio(optimizer_seconds, seconds);
  if (row.flops_per_token) {
    std::vector<double> used;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      used.push_back(*row.flops_per_token * tokens / seconds[i] / (gemm[i] * 1e9));
    }
    row.mfu = median(used);
  }
  const OperationTimes times;
  run.train();
  row.operations = times.longest_first();
}

// Seconds of a forward pass and of one sequence, round by round.
struct ForwardTimes {
  std::vector<double> batch, single;

  void measure(StepRun& run, std::int64_t sequences, ops::Precision precision) {
    batch.push_back(seconds_per_call(0.1, [&](std::int64_t) { run.forward(sequences, precision); }));
    single.push_back(seconds_per_call(0.3, [&](std::int64_t) { run.forward(1, precision); }));
  }
};

void measure_forward(StepRun& run, const StepOptions& options, Stages& stages, StepRow& row) {
  const ops::Precision precision = options.config.precision;
  const bool compares = precision != ops::Precision::kFloat32;
  ForwardTimes own, float32;
  stages.forward(0);
  run.fix_weights(precision);
  if (compares) row.hidden_difference = run.difference(precision);
  run.forward(options.sequences, precision);
  for (std::int64_t round = 0; round < options.rounds; ++round) {
    stop_if_interrupted();
    stages.forward(round + 1);
    own.measure(run, options.sequences, precision);
    if (compares) float32.measure(run, options.sequences, ops::Precision::kFloat32);
  }
  row.forward_tokens_per_s = static_cast<double>(options.sequences * options.length) / median(own.batch);
  row.sequence_ms = 1e3 * median(own.single);
  if (!compares) return;
  row.forward_ratio = median_ratio(float32.batch, own.batch);
  row.sequence_ratio = median_ratio(float32.single, own.single);
}

}  // namespace

StepReport bench_step(const StepOptions& requested) {
  StepOptions options = requested;
  if (options.config.arch.embedding.vocab_size == 0) {
    options.config.arch.embedding.vocab_size = kDefaultVocabulary;
  }
  require_valid(options);
  StepReport report;
  report.machine = describe_machine();
  log_info(fmt::format(
      "bench step: building the model, then {} training steps and forward passes of {} x {} tokens",
      options.rounds + 1, options.sequences, options.length));
  StepRun run(options);
  StepRow& row = report.row;
  row.name = options.name;
  row.layer = nn::describe(options.config.arch.ffn);
  if (!nn::tree_layers(options.config.arch).empty()) row.routing = routing_name(run.routing().mode);
  row.precision = ops::precision_name(options.config.precision);
  row.optimizer = optim::optimizer_name(options.config.optimizer.kind);
  row.threads = thread_count();
  row.sequences = options.sequences;
  row.length = options.length;
  row.parameters = run.model().parameter_count();
  if (!run.leaves_out_paths()) {
    row.flops_per_token = training_flops_per_token(options.config.arch, run.routing().mode, options.length,
                                                   options.config.mask_rate, options.config.dropout);
  }
  if (!options.export_folder.empty()) run.write(options.export_folder);
  row.trained = run.trains();
  Stages stages(options.rounds);
  std::vector<double> gemm;
  if (row.trained) {
    measure_training(run, options, stages, row, gemm);
  } else {
    GemmPeak peak;
    for (std::int64_t round = 0; round < options.rounds; ++round) gemm.push_back(peak.measure());
  }
  report.machine.gemm_gflops = median(gemm);
  measure_forward(run, options, stages, row);
  return report;
}

io::Json step_json(const StepRow& row) {
  const auto of_training = [&](const io::Json& value) { return row.trained ? value : io::Json(); };
  io::Json operations = io::Json::array();
  for (const OperationTime& time : row.operations) {
    operations.push_back(
        {{"name", time.name}, {"forward_ms", 1e3 * time.forward}, {"backward_ms", 1e3 * time.backward}});
  }
  return {{"name", row.name},
          {"layer", row.layer},
          {"routing", row.routing.empty() ? io::Json() : io::Json(row.routing)},
          {"precision", row.precision},
          {"optimizer", of_training(row.optimizer)},
          {"threads", row.threads},
          {"sequences", row.sequences},
          {"length", row.length},
          {"parameters", row.parameters},
          {"train_tokens_per_s", of_training(row.train_tokens_per_s)},
          {"forward_tokens_per_s", row.forward_tokens_per_s},
          {"sequence_ms", row.sequence_ms},
          {"spread", of_training(row.spread)},
          {"peak_rss_gb", of_training(row.peak_rss_gb)},
          {"mfu", number_or_null(row.mfu)},
          {"flops_per_token", number_or_null(row.flops_per_token)},
          {"optimizer_share", of_training(row.optimizer_share)},
          {"optimizer_ms", of_training(row.optimizer_ms)},
          {"pool_allocations", of_training(row.pool_allocations)},
          {"first_loss", of_training(row.first_loss)},
          {"last_loss", of_training(row.last_loss)},
          {"forward_ratio", number_or_null(row.forward_ratio)},
          {"sequence_ratio", number_or_null(row.sequence_ratio)},
          {"hidden_difference", number_or_null(row.hidden_difference)},
          {"operations", of_training(operations)}};
}

}  // namespace espalier::bench
