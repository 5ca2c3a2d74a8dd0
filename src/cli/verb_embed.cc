#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/output_path.h"
#include "cli/sharing.h"
#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/io/hdf5_file.h"
#include "io/file_ops.h"

namespace espalier::cli {
namespace {

struct EmbedArguments : InferenceArguments {
  std::string pooling;
  std::optional<std::string> prompt;
  std::string output;
};

// Where the vectors go, one chunk at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(const std::vector<TextRow>& rows, const Tensor& vectors) = 0;
  virtual void finish() = 0;
};

io::Json vector_json(const TextRow& row, const Tensor& vectors, std::size_t index) {
  io::Json values = io::Json::array();
  const auto width = static_cast<std::size_t>(vectors.shape().columns());
  for (const float value : vectors.span().subspan(index * width, width)) values.push_back(value);
  return {{"text", row.text}, {"embedding", std::move(values)}};
}

// A JSON array, or one object a line.
class PrintSink : public Sink {
 public:
  explicit PrintSink(bool document) : document_(document), list_(document) {}
  void write(const std::vector<TextRow>& rows, const Tensor& vectors) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const io::Json json = vector_json(rows[i], vectors, i);
      list_.add(json);
      if (!document_) fmt::print("{}\n", io::json_text(json, -1));
    }
  }
  void finish() override { list_.finish(); }

 private:
  bool document_;
  JsonList list_;
};

class JsonLinesSink : public Sink {
 public:
  explicit JsonLinesSink(const std::filesystem::path& path) : file_(path) {}
  void write(const std::vector<TextRow>& rows, const Tensor& vectors) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string line = io::json_text(vector_json(rows[i], vectors, i), -1) + "\n";
      file_.append(line.data(), line.size());
    }
  }
  void finish() override { file_.commit(); }

 private:
  io::AtomicFile file_;
};

// Dataset `embeddings` [rows, width], in the order of the input. HDF5 wants the number of rows first, and
// standard input can be read but once: the vectors wait in a temporary file.
class Hdf5Sink : public Sink {
 public:
  Hdf5Sink(const std::filesystem::path& path, std::int64_t width)
      : path_(path), width_(width), waiting_(path.string() + ".vectors") {}
  void write(const std::vector<TextRow>& rows, const Tensor& vectors) override {
    waiting_.append(vectors.data(), vectors.span().size_bytes());
    rows_ += static_cast<std::int64_t>(rows.size());
  }
  void finish() override {
    io::Hdf5Writer writer(path_, "embeddings", 1);
    writer.begin("embeddings", io::Hdf5Type::kFloat32, {rows_, width_});
    std::vector<char> piece(std::size_t{1} << 20);
    std::uint64_t done = 0;
    for (std::size_t got = 1; got > 0; done += got) {
      got = io::read_at(waiting_.file(), waiting_.temporary(), done, piece.data(), piece.size());
      writer.append(piece.data(), got);
    }
    writer.commit();
  }

 private:
  std::filesystem::path path_;
  std::int64_t width_ = 0;
  std::int64_t rows_ = 0;
  io::AtomicFile waiting_;  // never committed
};

// What process 0 writes, the others do not.
class NoSink : public Sink {
 public:
  void write(const std::vector<TextRow>& /*rows*/, const Tensor& /*vectors*/) override {}
  void finish() override {}
};

std::unique_ptr<Sink> make_sink(const EmbedArguments& arguments, std::int64_t width) {
  const std::filesystem::path path = arguments.output;
  if (!processes::writes()) return std::make_unique<NoSink>();
  if (path.empty()) return std::make_unique<PrintSink>(arguments.json);
  if (path.extension() == ".jsonl") return std::make_unique<JsonLinesSink>(path);
  if (path.extension() == ".h5" || path.extension() == ".hdf5") {
    return std::make_unique<Hdf5Sink>(path, width);
  }
  throw InputError(fmt::format("--output: {}: vectors are written as .jsonl or .h5", path.string()));
}

void report(const EmbedArguments& arguments, std::int64_t count, std::int64_t width) {
  if (arguments.output.empty()) return;
  if (arguments.json) {
    print_json({{"output", arguments.output}, {"rows", count}, {"width", width}});
  } else {
    fmt::print("{}: {} vectors of {}\n", arguments.output, count, width);
  }
}

const std::map<std::string, io::SentencePooling>& poolings() {
  static const std::map<std::string, io::SentencePooling> all = {
      {"mean", io::SentencePooling::kMean},
      {"first", io::SentencePooling::kFirst},
      {"max", io::SentencePooling::kMax},
      {"mean_sqrt_len", io::SentencePooling::kMeanSqrtLength}};
  return all;
}

// Vectors of the rows of all processes, each of which computes its part.
model::Embeddings embed_together(model::LoadedModel& model, const std::vector<TextRow>& rows,
                                 std::size_t batch, const model::EmbeddingOptions& options,
                                 const ops::TreeRouting& routing) {
  std::vector<std::string> texts;
  for (const TextRow& row : own_part(rows, batch)) texts.push_back(row.text);
  model::Embeddings own;
  if (!texts.empty()) own = model::embed(model, texts, options, routing);
  if (processes::alone()) return own;
  const std::span<const float> values = texts.empty() ? std::span<const float>() : own.values.span();
  std::vector<float> all;
  for (const std::vector<float>& part : processes::gather_numbers(values))
    all.insert(all.end(), part.begin(), part.end());
  model::Embeddings result{Tensor::from({static_cast<std::int64_t>(rows.size()), options.dimensions}, all)};
  for (const auto& part : processes::gather_numbers(std::span<const std::int64_t>(&own.truncated, 1)))
    result.truncated += part.front();
  return result;
}

void run_embed(const EmbedArguments& arguments) {
  require_free_output(arguments.output, {{"MODEL", arguments.model}, {"--file", arguments.file}});
  require_file_for_all(arguments.file);
  model::LoadedModel model = load_model(arguments);
  const ops::TreeRouting routing = resolve_routing(model, arguments);
  TextSource source(text_options(arguments), model);
  model::EmbeddingOptions embedding = model::embedding_options(model, arguments.prompt);
  const std::unique_ptr<Sink> sink = make_sink(arguments, embedding.dimensions);
  if (!arguments.pooling.empty()) embedding.pooling = poolings().at(arguments.pooling);
  std::int64_t count = 0;
  std::int64_t truncated = 0;
  const std::size_t at_once = arguments.batch_size * static_cast<std::size_t>(processes::place().count);
  for (std::vector<TextRow> rows; source.next(at_once, rows);) {
    const model::Embeddings embeddings =
        embed_together(model, rows, arguments.batch_size, embedding, routing);
    sink->write(rows, embeddings.values);
    truncated += embeddings.truncated;
    count += static_cast<std::int64_t>(rows.size());
  }
  source.report();
  sink->finish();
  warn_truncated(truncated, count, embedding.max_length);
  report(arguments, count, embedding.dimensions);
}

}  // namespace

void add_embed(Command& app) {
  const auto arguments = std::make_shared<EmbedArguments>();
  arguments->batch_size = 512;
  Command* verb = app.add_subcommand("embed", "One vector a text, from the encoder's final states");
  add_inference_options(*verb, *arguments);
  verb->add_option("--pooling", arguments->pooling,
                   "mean of the states of all positions, the first one's, the max of each component, or "
                   "their sum over "
                   "the root of their number (default: what a sentence-transformers folder says, else mean)")
      ->check(one_of({"mean", "first", "max", "mean_sqrt_len"}));
  verb->add_option("--prompt", arguments->prompt,
                   "Name of one of the model's prompts, whose text is put before each (default: the one that "
                   "the model names, if any; \"\": none)");
  verb->add_option("--output", arguments->output,
                   "Write to a .jsonl ({\"text\", \"embedding\"} a line) or an .h5 (dataset `embeddings`) "
                   "instead of printing JSON lines")
      ->check(a_path());
  verb->shared_callback([arguments] { run_embed(*arguments); });
}

}  // namespace espalier::cli
