// Event files against TensorBoard's own writer (tests/golden/README.md).
#include "io/event_file.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "espalier/io/json.h"
#include "espalier/io/run_files.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

const Json& golden_events() {
  static const Json json = read_json(testing::golden_path("events.json"));
  return json;
}

}  // namespace

TEST_CASE("crc32c") {
  // RFC 3720, B.4.
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(crc32c("123456789") == 0xe3069283U);
  for (const Json& row : golden_events()["crc32c"]) {
    INFO(row.dump());
    CHECK(crc32c(bytes_of(row[0].get<std::string>())) == row[1].get<std::uint32_t>());
  }
}

TEST_CASE("a record is framed by two masked checksums") {
  // The head of every event file begins so: 24 bytes, and the masked crc of that number.
  CHECK(hex_of(event_record(std::string(24, 'x'))).substr(0, 24) == "1800000000000000a37f4b22");
  CHECK(event_record("").size() == 16);
}

TEST_CASE("events have the bytes of TensorBoard's own") {
  const double time = golden_events()["time"].get<double>();
  CHECK(hex_of(first_event(time)) == golden_events()["first"].get<std::string>());
  CHECK(hex_of(hyperparameters_event(
            time, {{"arch.ffn.depth", 6.0}, {"routing.mode", "anneal"}, {"train.dropout", false}})) ==
        golden_events()["hyperparameters"].get<std::string>());
  EventSummary summary;
  summary.step = 300;
  summary.scalars = {{"train/loss", 7.1}, {"train/zero", 0}};
  summary.histograms = {{"routing/layer0/tree0/load", 1, {2, 4, 8}, {5, 0, 7}}};
  CHECK(hex_of(summary_event(time, summary)) == golden_events()["summary"].get<std::string>());
}

TEST_CASE("event files of a run folder, by name") {
  const testing::TempDir dir;
  CHECK(event_files(dir.path()).empty());
  CHECK(event_path(dir.path(), 17, 3) ==
        dir.path() / "tensorboard/events.out.tfevents.0000000017.espalier.0003");
  std::filesystem::create_directory(dir / "tensorboard");
  for (const char* other : {"events.out.tfevents.12.host.1", "events.out.tfevents.12.espalier.x", "notes"}) {
    dir.write(std::string("tensorboard/") + other, "");
  }
  for (const std::int64_t sitting : {10, 2}) {
    dir.write("tensorboard/" + event_path("", 1700000000, sitting).filename().string(), "");
  }
  const std::vector<EventFile> found = event_files(dir.path());
  REQUIRE(found.size() == 2);
  CHECK(found[0].sitting == 2);
  CHECK(found[1].sitting == 10);
  CHECK(found[1].begin == 1700000000);
}

}  // namespace espalier::io
