#include "report/run_chart.h"

namespace espalier::report {

std::vector<Sample> scaled(std::vector<Sample> samples, double factor) {
  for (Sample& sample : samples) sample.value *= factor;
  return samples;
}

void add_noisy(const Curve& curve, const std::string& name, std::size_t colour, bool alone, double factor,
               LineChart& chart) {
  const bool smooth = curve.count() > 2 * kMeans;
  if (smooth && alone) chart.series.push_back({"", colour, Stroke::kFaint, scaled(curve.samples(), factor)});
  chart.series.push_back({name.empty() ? (smooth ? "mean" : kOnly) : name, colour, Stroke::kLine,
                          scaled(smooth ? curve.means(kMeans) : curve.samples(), factor)});
}

}  // namespace espalier::report
