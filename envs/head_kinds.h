// What the kinds of heads have in common. Internal to envs/.
#pragma once

#include "envs/action.h"

namespace reeve {

inline bool IsAuthors(HeadKind kind) {
  return kind == HeadKind::kAuthors5 || kind == HeadKind::kAuthors7;
}
inline bool IsStep(HeadKind kind) {
  return kind == HeadKind::kReplicasStep || kind == HeadKind::kCpuStep ||
         kind == HeadKind::kMemoryStep;
}
inline bool IsWhole(HeadKind kind) {
  return kind != HeadKind::kKeepAlive && kind != HeadKind::kLoadReplicas;
}

inline bool MovesReplicas(HeadKind kind) {
  return IsAuthors(kind) || kind == HeadKind::kReplicasStep || kind == HeadKind::kReplicas ||
         kind == HeadKind::kLoadReplicas;
}
inline bool MovesCpu(HeadKind kind) {
  return IsAuthors(kind) || kind == HeadKind::kCpuStep || kind == HeadKind::kCpu;
}
inline bool MovesMemory(HeadKind kind) {
  return kind == HeadKind::kAuthors7 || kind == HeadKind::kMemoryStep || kind == HeadKind::kMemory;
}
inline bool MovesKeepAlive(HeadKind kind) {
  return kind == HeadKind::kKeepAlive;
}

}  // namespace reeve
