// The judge's defences against cheating candidates, by name. In the attack suite's own build (JARVIS2_ATTACK_SUITE,
// which no library and no program is compiled with) one of them can be switched off, to show that it is the one that
// holds.
#pragma once

namespace jarvis2::project {

enum class Defence {
  kPaths,         // what a candidate may change at all
  kLinks,         // nothing is written through a symbolic link
  kFreshTree,     // what is measured is not what the tests ran in
  kReadOnlyRuns,  // measured runs can't write to their tree
  kPrivateFiles,  // temporary folders of its own, nobody else's files
  kEnvironment,   // a clean environment
  kNetwork,
  kProcessTree,  // sees and signals its own processes only; they end with it
  kProcessLimit,
  kDiskLimit,
  kMemoryLimit,
  kOutput,       // every run prints what the baseline prints
  kGenerated,    // freshly generated inputs
  kHoldout,      // the claim is made on withheld inputs
  kParentClock,  // the judge holds the clock, around the whole process
  kWallClock,    // CPU time counts where it explains the time, and the wall clock has to agree
};

#if defined(JARVIS2_ATTACK_SUITE)
bool holds(Defence defence);
#else
constexpr bool holds(Defence) {
  return true;
}
#endif

}  // namespace jarvis2::project
