// Whether a model can read what a token store holds.
#pragma once

#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"

namespace espalier::model {

// InputError, naming --data and the way out: other words than the model's, or longer sequences than it reads.
void require_readable(const LoadedModel& model, const io::TokenStoreReader& data);

}  // namespace espalier::model
