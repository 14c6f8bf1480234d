#include "servers/costs/stage.h"

namespace crossover {

Stage& TheStage() {
  static Stage stage;
  return stage;
}

}  // namespace crossover
