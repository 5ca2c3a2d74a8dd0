#include "espalier/nn/parameter_list.h"

namespace espalier::nn {

ParameterList ParameterList::without_children(Visitor visit) {
  ParameterList list(visit);
  list.reach_ = Reach::kOwn;
  return list;
}

void ParameterList::add(const std::string& name, const Shape& shape, ParameterRole role, Int8Form int8,
                        RowTurns turns) const {
  if (reach_ == Reach::kNothing) return;
  const ModelPart part = role == ParameterRole::kNorm ? ModelPart::kNorms : part_;
  visit_({prefix_ + name, shape, role, part, int8, turns});
}

ParameterList ParameterList::child(const std::string& name, ModelPart part) const {
  ParameterList list = *this;
  list.part_ = part;
  list.prefix_ += name + ".";
  if (reach_ == Reach::kOwn) list.reach_ = Reach::kNothing;
  return list;
}

}  // namespace espalier::nn
