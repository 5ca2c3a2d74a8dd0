#include "espalier/io/safetensors.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "espalier/base/error.h"
#include "espalier/tensor/pool.h"
#include "tensor/half.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::random_tensor;
using testing::TempDir;

// A file of this header and these bytes of data, its header length as given or true.
std::string file_of(const std::string& header, const std::string& data, std::int64_t header_bytes = -1) {
  const std::uint64_t length = header_bytes < 0 ? header.size() : static_cast<std::uint64_t>(header_bytes);
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

template <class Value>
std::string bytes_of(std::initializer_list<Value> values) {
  std::string bytes(values.size() * sizeof(Value), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

TEST_CASE("safetensors: what is written is read back, in every writable type") {
  const TempDir dir;
  std::vector<SafetensorsEntry> entries;
  entries.push_back({"b.weight", random_tensor({700, 601}, 1), DType::kF32});
  entries.push_back({"scalar", Tensor::full({}, 0.125F), DType::kF32});
  entries.push_back({"empty", Tensor::empty({0, 3}), DType::kF32});
  entries.push_back({"half", Tensor::from({2, 2}, {1.0F, -0.5F, 65504.0F, 6e-8F}), DType::kF16});
  entries.push_back({"brain", Tensor::from({3}, {1.0F, -3.0e38F, 1e-40F}), DType::kBF16});
  entries.push_back({"complex", random_tensor({5, 2, 2}, 2), DType::kC64});
  write_safetensors(dir / "m.safetensors", entries, {{"format", "pt"}, {"made by", "a test"}});

  const SafetensorsReader reader(dir / "m.safetensors");
  CHECK(reader.names() ==
        std::vector<std::string>{"b.weight", "brain", "complex", "empty", "half", "scalar"});
  CHECK(reader.metadata().at("made by") == "a test");
  CHECK(reader.info("complex").dtype == DType::kC64);
  CHECK(reader.info("complex").shape == Shape({5, 2}));
  for (const SafetensorsEntry& entry : {entries[0], entries[1], entries[2], entries[5]}) {
    INFO(entry.name);
    const Tensor read = reader.read(entry.name);
    CHECK(read.shape() == entry.value.shape());
    CHECK(read.to_vector() == entry.value.to_vector());
  }
  CHECK(reader.read("half").to_vector() == std::vector<float>{1.0F, -0.5F, 65504.0F, std::ldexp(1.0F, -24)});
  CHECK(reader.read_doubles("half")[2] == 65504.0);
  CHECK(reader.read_floats("brain")[0] == 1.0F);
  CHECK(error_of([&] { reader.read_ints("half"); }).ends_with("half: expected whole numbers, found F16"));
  CHECK(error_of([&] { reader.read("nothing"); }).ends_with("m.safetensors: it holds no tensor nothing"));
}

TEST_CASE("safetensors: every readable type") {
  const TempDir dir;
  const std::string header =
      R"({"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"l":{"dtype":"I64","shape":[1],"data_offsets":[16,24]},)"
      R"("i":{"dtype":"I32","shape":[1],"data_offsets":[24,28]},"s":{"dtype":"I16","shape":[1],"data_offsets":[28,30]},)"
      R"("c":{"dtype":"I8","shape":[1],"data_offsets":[30,31]},"u":{"dtype":"U8","shape":[1],"data_offsets":[31,32]},)"
      R"("b":{"dtype":"BOOL","shape":[2],"data_offsets":[32,34]}})";
  const std::string data = bytes_of<double>({0.1, -1e300}) + bytes_of<std::int64_t>({-5000000000}) +
                           bytes_of<std::int32_t>({-7}) + bytes_of<std::int16_t>({-300}) + "\xfe\xfe\x01";
  const SafetensorsReader reader(dir.write("t", file_of(header, data + std::string(1, '\0'))));
  CHECK(reader.read_doubles("d") == std::vector<double>{0.1, -1e300});
  CHECK(reader.read_floats("d")[0] == 0.1F);
  CHECK(reader.read_ints("l")[0] == -5000000000);
  CHECK(reader.read_ints("i")[0] == -7);
  CHECK(reader.read_ints("s")[0] == -300);
  CHECK(reader.read_ints("c")[0] == -2);
  CHECK(reader.read_ints("u")[0] == 254);
  CHECK(reader.read_ints("b") == std::vector<std::int64_t>{1, 0});
  CHECK(error_of([&] { reader.read("l"); }).ends_with("l: expected floating-point numbers, found I64"));
  const SafetensorsReader odd(dir.write("odd", file_of(header, data + "\x02")));
  CHECK(error_of([&] { odd.read_ints("b"); }).ends_with("b: a BOOL is neither 0 nor 1"));
}

TEST_CASE("safetensors: a file written by Hugging Face's library is read, in double precision too") {
  const SafetensorsReader reader(testing::golden_path("fff_1x3.safetensors"));
  CHECK(reader.metadata().at("format") == "pt");
  const std::string name = "encoder.layers.0.ffn.linear_in.weight";
  const std::vector<double> gradient = reader.read_doubles("f64/grad/" + name);
  CHECK(reader.info("f64/grad/" + name).dtype == DType::kF64);
  CHECK(gradient.size() == static_cast<std::size_t>(reader.info("f64/grad/" + name).shape.elements()));
  CHECK(reader.read_ints("input/ids").size() == 48);
}

TEST_CASE("safetensors: 16-bit floats are exact one way and rounded to nearest even the other way") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = float_from_half(half);
    const int exponent = static_cast<int>(bits >> 10U & 31U);
    const double fraction = static_cast<double>(bits & 1023U);
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
    if (exponent < 31) {
      REQUIRE(static_cast<double>(value) == ((bits & 0x8000U) != 0 ? -magnitude : magnitude));
      REQUIRE(half_from_float(value) == half);
    } else {
      REQUIRE((fraction == 0 ? std::isinf(value) : std::isnan(value)));
      REQUIRE((fraction == 0 ? half_from_float(value) == half
                             : std::isnan(float_from_half(half_from_float(value)))));
    }
    const float brain = float_from_bfloat16(half);
    if (!std::isnan(brain)) REQUIRE(bfloat16_from_float(brain) == half);
    if (std::isnan(brain)) REQUIRE(std::isnan(float_from_bfloat16(bfloat16_from_float(brain))));
  }
  // Between two neighbours: the nearer; at the middle the even one.
  for (std::uint32_t bits = 0; bits + 1 < 0x7C00U; ++bits) {
    const float low = float_from_half(static_cast<std::uint16_t>(bits));
    const float high = float_from_half(static_cast<std::uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    REQUIRE(half_from_float(middle) == bits + (bits & 1U));
    REQUIRE(half_from_float(std::nextafter(middle, 0.0F)) == bits);
    REQUIRE(half_from_float(-std::nextafter(middle, 1e30F)) == ((bits + 1) | 0x8000U));
  }
  CHECK(half_from_float(65519.99F) == 0x7BFF);
  CHECK(half_from_float(65520.0F) == 0x7C00);
  CHECK(bfloat16_from_float(std::bit_cast<float>(0x3F808000U)) == 0x3F80);
  CHECK(bfloat16_from_float(std::bit_cast<float>(0x3F818000U)) == 0x3F82);
  CHECK(bfloat16_from_float(std::bit_cast<float>(0x3F808001U)) == 0x3F81);
}

TEST_CASE("safetensors: a header that lies is refused with the tensor's name") {
  const TempDir dir;
  const auto refusal = [&](const std::string& file) {
    return error_of([&] { SafetensorsReader reader(dir.write("x", file)); });
  };
  const auto tensor_refusal = [&](const std::string& tensor, std::size_t data_bytes = 8) {
    const std::string text = refusal(file_of("{\"t\":" + tensor + "}", std::string(data_bytes, '\0')));
    CHECK(text.find("x: t: ") != std::string::npos);
    return text;
  };
  const auto says = [](const std::string& text, const std::string& part) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  says(refusal(""), "0 bytes are too few");
  says(refusal(file_of("{}", "", 3)), "its header should take 3 bytes, 2 are left");
  says(refusal(file_of("{}", "", -1).replace(0, 8, std::string(8, '\xff'))), "18446744073709551615 bytes");
  says(refusal(file_of("[]", "")), "expected an object");
  says(refusal(file_of("{\"t\"", "")), "not valid JSON");
  says(refusal(file_of("{}", "1234")), "the tensors take 0 bytes, but 4 follow the header");
  says(tensor_refusal(R"({"dtype":"F32","shape":[2],"data_offsets":[0,16]})"), "at most 8");
  says(tensor_refusal(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "in order");
  says(tensor_refusal(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "expected at least 2");
  says(tensor_refusal(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,9]})"), "expected two offsets");
  says(tensor_refusal(R"({"dtype":"F32","shape":[2],"data_offsets":[-1,8]})"), "at least 0, found -1");
  says(tensor_refusal(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
       "take 12 bytes, but its offsets span 8");
  says(tensor_refusal(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), "at least 0, found -2");
  says(tensor_refusal(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
       "impossibly large");
  says(tensor_refusal(
           R"({"dtype":"F32","shape":[9223372036854775807,9223372036854775807,0],"data_offsets":[0,0]})", 0),
       "impossibly large");
  says(tensor_refusal(R"({"dtype":"F32","shape":[1,1,1,1,1,1,2],"data_offsets":[0,8]})"), "at most 6 axes");
  says(tensor_refusal(R"({"dtype":"F4","shape":[2],"data_offsets":[0,8]})"), "the dtype F4 is not supported");
  says(tensor_refusal(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
       "begins at byte 4 of the data, expected 0");
  says(refusal(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                       std::string(8, '\0'))),
       "b: begins at byte 4 of the data, expected 8");
  says(refusal(file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                       std::string(8, '\0'))),
       "appears twice");
}

TEST_CASE("safetensors: cut anywhere, a file is refused") {
  const TempDir dir;
  write_safetensors(dir / "m", std::vector<SafetensorsEntry>{{"a", random_tensor({5, 7}, 1), DType::kF32}});
  const std::string whole = testing::read_text(dir / "m");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    REQUIRE_THROWS_AS(SafetensorsReader(dir.write("cut", whole.substr(0, length))), InputError);
  }
  CHECK_THROWS_AS(SafetensorsReader(dir.write("long", whole + "x")), InputError);
}

TEST_CASE(
    "safetensors: floats and bytes are the file's pages, whatever becomes of the name; what is written to "
    "them "
    "stays here") {
  const TempDir dir;
  const auto path = dir / "m.safetensors";
  const Tensor written = random_tensor({300, 300}, 3);
  const ByteTensor bytes = ByteTensor::full({70, 1000}, 5);
  write_safetensors(path, std::vector<SafetensorsEntry>{{"w", written, DType::kF32},
                                                        {"half", written, DType::kBF16},
                                                        {"q", Tensor(), DType::kI8, bytes}});
  const std::string before = testing::read_text(path);
  const std::int64_t live = pool_statistics().live_bytes;
  auto reader = std::make_unique<SafetensorsReader>(path);
  Tensor read = reader->read("w");
  ByteTensor read_bytes = reader->read_bytes("q");
  CHECK(pool_statistics().live_bytes == live);
  CHECK(!read.shared());
  CHECK(reader->read("half").defined());
  reader.reset();
  read.data()[7] = read_bytes.data()[7] = 9;
  CHECK(testing::read_text(path) == before);
  CHECK(SafetensorsReader(path).read("w").to_vector() == written.to_vector());
  std::filesystem::remove(path);
  CHECK(read.data()[7] == 9.0F);
  read.data()[7] = written.data()[7];
  CHECK(read.to_vector() == written.to_vector());
  CHECK(read_bytes.data()[69'999] == 5);
}

TEST_CASE("safetensors: floats between the places where floats can lie are copied") {
  const TempDir dir;
  const Tensor expected = random_tensor({1000}, 4);
  const std::string data(reinterpret_cast<const char*>(expected.data()), 4000);
  for (std::size_t blanks = 0; blanks < 4; ++blanks) {
    const std::string header =
        R"({"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}})" + std::string(blanks, ' ');
    const SafetensorsReader reader(dir.write("t", file_of(header, data)));
    CHECK(reader.read("a").to_vector() == expected.to_vector());
  }
}

TEST_CASE("safetensors: several files by an index") {
  const TempDir dir;
  const Tensor a = random_tensor({3}, 1);
  const Tensor b = random_tensor({4}, 2);
  write_safetensors(dir / "1.safetensors", std::vector<SafetensorsEntry>{{"a", a, DType::kF32}});
  write_safetensors(dir / "2.safetensors", std::vector<SafetensorsEntry>{{"b", b, DType::kF32}});
  const SafetensorsReader reader(
      dir.write("model.safetensors.index.json",
                R"({"metadata":{"total_size":28},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})"));
  CHECK(reader.read("a").to_vector() == a.to_vector());
  CHECK(reader.read("b").to_vector() == b.to_vector());
  const auto refusal = [&](const std::string& index) {
    return error_of([&] { SafetensorsReader bad(dir.write("i.json", index)); });
  };
  CHECK(
      refusal(R"({"weight_map":{"c":"1.safetensors"}})").find("weight_map.c: 1.safetensors holds no such") !=
      std::string::npos);
  CHECK(refusal(R"({"weight_map":{"a":"../1.safetensors"}})").find("beside the index") != std::string::npos);
  CHECK(refusal(R"({"weight_map":{"a":"3.safetensors"}})").find("cannot be opened") != std::string::npos);
}

TEST_CASE("safetensors: the writer refuses what it cannot store") {
  const TempDir dir;
  const Tensor large = Tensor::from({2}, {1.0F, 70000.0F});
  CHECK(error_of([&] {
          write_safetensors(dir / "m", std::vector<SafetensorsEntry>{{"w", large, DType::kF16}});
        }).find("w: the value 70000 is too large for F16") != std::string::npos);
  CHECK(error_of([&] {
          write_safetensors(
              dir / "m", std::vector<SafetensorsEntry>{{"w", large, DType::kF32}, {"w", large, DType::kF32}});
        }).find("two tensors are named w") != std::string::npos);
  CHECK(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace espalier::io
