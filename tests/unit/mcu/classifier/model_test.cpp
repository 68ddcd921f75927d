// Model files: what is refused, that nothing is read beyond their end, and that no model and no change under it leads
// into undefined behaviour.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/classifier/trained_models.h"

namespace muster::classifier {
namespace {

using testing::good_model;

// A copy of exactly the right size on the heap, so that AddressSanitizer sees a read beyond it.
class Copy {
 public:
  Copy(const Bytes& bytes, std::size_t size) : bytes_(std::make_unique<std::uint8_t[]>(size)), size_(size) {
    std::copy_n(bytes.begin(), std::min(size, bytes.size()), bytes_.get());
  }
  [[nodiscard]] ByteView view() const { return {bytes_.get(), size_}; }
  std::uint8_t& operator[](std::size_t at) { return bytes_[at]; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_;
};

int load(const Copy& copy) {
  Model model;
  return load_model(copy.view(), model);
}

void expect_sane(const Model& model, const Features& features) {
  const auto answer = classify_features(model, features);
  EXPECT_LT(static_cast<unsigned>(answer.motor), motor_count);
  for (const auto score : answer.scores) EXPECT_LE(score, answer.scores[static_cast<unsigned>(answer.motor)]);
}

Features random_features(std::mt19937& random) {
  Features features;
  for (auto& value : features.values) value = static_cast<std::int16_t>(random() % (feature_max + 1));
  return features;
}

std::mt19937 seeded() {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937(static_cast<std::uint32_t>(seed));
}

// Layers of these widths with the largest weights and biases there are, their signs by chance.
ModelParts extreme_parts(const std::vector<unsigned>& widths, std::mt19937& random) {
  ModelParts parts;
  for (auto& one : parts.normalisation) {
    one.centre = random() % 2 == 0 ? std::int16_t{0} : feature_max;
    one.scale = 32767;
  }
  unsigned inputs = feature_count;
  for (const auto width : widths) {
    ModelParts::Layer layer;
    layer.shift = static_cast<std::uint8_t>(random() % 2 == 0 ? 0 : random() % (shift_max + 1));
    for (unsigned i = 0; i < width; ++i) layer.biases.push_back(random() % 2 == 0 ? bias_max : -bias_max);
    for (unsigned i = 0; i < width * inputs; ++i)
      layer.weights.push_back(static_cast<std::int8_t>(random() % 2 == 0 ? 127 : -128));
    parts.layers.push_back(std::move(layer));
    inputs = width;
  }
  return parts;
}

// The network again, plainly and with 64 bits.
std::vector<std::int64_t> scores_twin(const ModelParts& parts, const Features& features) {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < feature_count; ++i) {
    const auto distance = std::int64_t{features.values[i]} - parts.normalisation[i].centre;
    const auto scaled = (distance * parts.normalisation[i].scale) >> 12;
    values.push_back(std::clamp<std::int64_t>(scaled, -127, 127));
  }
  for (std::size_t l = 0; l < parts.layers.size(); ++l) {
    const auto& layer = parts.layers[l];
    std::vector<std::int64_t> sums;
    for (std::size_t to = 0; to < layer.biases.size(); ++to) {
      std::int64_t sum = layer.biases[to];
      for (std::size_t i = 0; i < values.size(); ++i) sum += layer.weights[to * values.size() + i] * values[i];
      sums.push_back(sum >> layer.shift);
    }
    if (l + 1 < parts.layers.size()) {
      for (auto& sum : sums) sum = std::clamp<std::int64_t>(sum, 0, 127);
    }
    values = sums;
  }
  return values;
}

TEST(Model, RefusesEveryTruncationAndWhatIsLonger) {
  const auto& bytes = good_model().bytes;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(load(Copy(bytes, size)), err_model_size) << size << " bytes";
    if (size < model_header_size) continue;
    // And when its header says that this is all there is.
    Copy consistent(bytes, size);
    for (unsigned i = 0; i < 4; ++i) consistent[12 + i] = static_cast<std::uint8_t>(size >> (8 * i));
    ASSERT_EQ(load(consistent), err_model_size) << size << " bytes, as the header says";
  }
  EXPECT_EQ(load(Copy(bytes, bytes.size() + 1)), err_model_size);
  EXPECT_EQ(load_model(ByteView(), *std::make_unique<Model>()), err_model_size);
}

TEST(Model, RefusesEveryOtherHeader) {
  Copy copy(good_model().bytes, good_model().bytes.size());
  ASSERT_EQ(load(copy), model_ok);
  for (std::size_t at = 0; at < model_header_size; ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      copy[at] = static_cast<std::uint8_t>(copy[at] ^ change);
      EXPECT_LT(load(copy), 0) << "byte " << at << " changed by " << change;
      copy[at] = static_cast<std::uint8_t>(copy[at] ^ change);
    }
  }
}

TEST(Model, SaysWhatIsWrongWithIt) {
  const auto refusal = [](std::size_t at, std::uint8_t value) {
    Copy copy(good_model().bytes, good_model().bytes.size());
    copy[at] = value;
    return load(copy);
  };
  EXPECT_EQ(refusal(0, 'm'), err_model_magic);
  EXPECT_EQ(refusal(4, 2), err_model_format);
  EXPECT_EQ(refusal(5, feature_set + 1), err_model_format);
  EXPECT_EQ(refusal(6, 3), err_model_shape);
  EXPECT_EQ(refusal(7, 0), err_model_shape);
  EXPECT_EQ(refusal(7, layers_max + 1), err_model_shape);
  EXPECT_EQ(refusal(8, golden_max + 1), err_model_shape);
  EXPECT_EQ(refusal(9, 1), err_model_shape);
  EXPECT_EQ(refusal(10, 1), err_model_value);
  EXPECT_EQ(refusal(12, 0), err_model_size);
  EXPECT_EQ(refusal(17, 0x80), err_model_value);  // a centre below 0
  EXPECT_EQ(refusal(17, 0x7F), err_model_value);  // and one above every feature
  EXPECT_EQ(refusal(19, 0x80), err_model_value);  // a scale below 1
  const std::size_t layer = model_header_size + 4 * feature_count;
  EXPECT_EQ(refusal(layer, 0), err_model_shape);
  EXPECT_EQ(refusal(layer, width_max + 1), err_model_shape);
  EXPECT_EQ(refusal(layer + 1, shift_max + 1), err_model_value);
  EXPECT_EQ(refusal(layer + 2, 1), err_model_value);
  EXPECT_EQ(refusal(layer + 3, 1), err_model_value);
  EXPECT_EQ(refusal(layer + 7, 0x7F), err_model_value);  // a bias beyond bias_max
  EXPECT_EQ(refusal(layer + 7, 0x80), err_model_value);
  const std::size_t golden = good_model().bytes.size() - golden_window_size;
  EXPECT_EQ(refusal(golden, motor_count), err_model_value);
  EXPECT_EQ(refusal(golden + 1, 1), err_model_value);
}

TEST(Model, LastLayerHasAnOutputForEachMotor) {
  auto random = std::mt19937(1);
  for (const auto& widths : std::vector<std::vector<unsigned>>{{3}, {5}, {8, 3}, {8, 5}}) {
    const auto bytes = write_model(extreme_parts(widths, random));
    EXPECT_EQ(load(Copy(bytes, bytes.size())), err_model_shape);
  }
}

TEST(Model, RefusalLeavesTheModelBeforeIt) {
  Model model = good_model().model;
  EXPECT_LT(load_model(ByteView(good_model().bytes.data(), 100), model), 0);
  EXPECT_EQ(model.golden, good_model().model.golden);
  EXPECT_EQ(model.layer_count, good_model().model.layer_count);
}

TEST(Model, IsRefusedOrWorksWithAnyBitFlipped) {
  auto random = seeded();
  const auto& bytes = good_model().bytes;
  Copy copy(bytes, bytes.size());
  const auto features = random_features(random);
  std::size_t loaded = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto flip = static_cast<std::uint8_t>(1U << (bit % 8));
    copy[bit / 8] = static_cast<std::uint8_t>(copy[bit / 8] ^ flip);
    Model model;
    if (load_model(copy.view(), model) == model_ok) {
      ++loaded;
      expect_sane(model, features);
      if (bit % 97 == 0) {
        EXPECT_GE(self_test(model), 0);
      }
    }
    copy[bit / 8] = static_cast<std::uint8_t>(copy[bit / 8] ^ flip);
  }
  EXPECT_GT(loaded, bytes.size());  // most bytes are weights and samples, where any value is one
}

TEST(Model, LargestNetworksComputeWhatTheirTwinsDo) {
  auto random = seeded();
  for (int i = 0; i < muster::testing::size_for(150, 5000); ++i) {
    std::vector<unsigned> widths = {motor_count};
    while (widths.size() < 1U + static_cast<unsigned>(i) % layers_max) {
      widths.insert(widths.begin(), i % 2 == 0 ? width_max : 1U + random() % width_max);
    }
    const auto parts = extreme_parts(widths, random);
    const auto bytes = write_model(parts);
    ASSERT_LE(bytes.size(), model_size_max);
    const Copy copy(bytes, bytes.size());
    Model model;
    ASSERT_EQ(load_model(copy.view(), model), model_ok);
    for (int k = 0; k < 10; ++k) {
      const auto features = random_features(random);
      const auto expected = scores_twin(parts, features);
      const auto answer = classify_features(model, features);
      for (unsigned s = 0; s < motor_count; ++s) EXPECT_EQ(answer.scores[s], expected[s]);
      const auto best = std::max_element(expected.begin(), expected.end()) - expected.begin();
      EXPECT_EQ(static_cast<std::ptrdiff_t>(answer.motor), best);
    }
  }
}

TEST(Model, MayChangeUnderItsUser) {
  auto random = seeded();
  Copy copy(good_model().bytes, good_model().bytes.size());
  Model model;
  ASSERT_EQ(load_model(copy.view(), model), model_ok);
  for (int i = 0; i < muster::testing::size_for(100, 5000); ++i) {
    for (std::size_t at = 0; at < good_model().bytes.size(); ++at) copy[at] = static_cast<std::uint8_t>(random());
    for (int k = 0; k < 5; ++k) expect_sane(model, random_features(random));
    EXPECT_GE(self_test(model), 0);
    EXPECT_LE(self_test(model), 1000);
  }
}

TEST(Model, FullestOneLoads) {
  auto random = std::mt19937(1);
  auto parts = extreme_parts({width_max, width_max, motor_count}, random);
  parts.golden.resize(golden_max);
  const auto bytes = write_model(parts);
  ASSERT_LE(bytes.size(), model_size_max);
  EXPECT_EQ(load(Copy(bytes, bytes.size())), model_ok);
  parts.golden.resize(golden_max + 1);
  const auto longer = write_model(parts);
  EXPECT_EQ(load(Copy(longer, longer.size())), err_model_shape);
}

TEST(Model, WithoutGoldenWindowsCannotTestItself) {
  auto parts = good_model().trained.parts;
  parts.golden.clear();
  const auto bytes = write_model(parts);
  Model model;
  ASSERT_EQ(load_model(bytes, model), model_ok);
  EXPECT_EQ(self_test(model), err_model_no_golden);
}

TEST(Model, ErrorsHaveNames) {
  EXPECT_STREQ(name_of(model_ok), "model_ok");
  EXPECT_STREQ(name_of(err_model_size), "model_size");
  EXPECT_STREQ(name_of(err_model_no_golden), "model_no_golden");
  EXPECT_STREQ(name_of(static_cast<ModelError>(-99)), "model_unknown");
}

}  // namespace
}  // namespace muster::classifier
