#include <pthread.h>
#include <pthread/qos.h>

#include <string>

#include "hardware/lanes.h"

namespace jarvis2::hardware {

// Threads can't be tied to cores; the scheduler puts each class where it belongs, background work on efficiency cores.
void enter_lane(Lane lane, const Machine&) {
  ::pthread_setname_np(("lane-" + std::string(lane_name(lane))).c_str());
  qos_class_t quality = QOS_CLASS_USER_INITIATED;
  if (lane == Lane::kEfficiency) quality = QOS_CLASS_BACKGROUND;
  if (lane == Lane::kIo) quality = QOS_CLASS_UTILITY;
  ::pthread_set_qos_class_self_np(quality, 0);
}

}  // namespace jarvis2::hardware
