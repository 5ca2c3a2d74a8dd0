// The logistic function of tree decisions, its slope and its entropy, all as functions of logit /
// temperature. Vector forms run on the calling thread; scalar forms agree with them to a few units in the
// last place.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace espalier::kernels {

// |logit / temperature| at which c reaches the bounds 1e-6 and 1 - 1e-6 of the entropy: log(1e6 - 1).
inline constexpr float kEntropyBound = 13.8155096F;

// c[i] = sigmoid(logit[i] / temperature). c may be logit.
void gate_sigmoid(std::int64_t n, float temperature, const float* logit, float* c);
// The same, and slope[i] = dc / dlogit = c (1 - c) / temperature, accurate in both tails.
void gate_sigmoid_and_slope(std::int64_t n, float temperature, const float* logit, float* c, float* slope);
// entropy[i] = H(c) in nats with c clamped to [1e-6, 1 - 1e-6].
void gate_entropy(std::int64_t n, float temperature, const float* logit, float* entropy);

inline float gate_sigmoid(float logit, float temperature) {
  const float z = logit / temperature;
  const float e = std::exp(-std::abs(z));
  return z < 0 ? e / (1 + e) : 1 / (1 + e);
}

inline float gate_slope(float logit, float temperature) {
  const float e = std::exp(-std::abs(logit / temperature));
  return e / ((1 + e) * (1 + e)) / temperature;
}

inline float gate_entropy(float logit, float temperature) {
  const float a = std::min(std::abs(logit / temperature), kEntropyBound);
  const float e = std::exp(-a);
  return std::log1p(e) + a * e / (1 + e);
}

// dH / dlogit, given dc / dlogit: zero where c is clamped.
inline float gate_entropy_gradient(float logit, float temperature, float slope) {
  const float z = logit / temperature;
  return std::abs(z) < kEntropyBound ? -z * slope : 0.0F;
}

}  // namespace espalier::kernels
