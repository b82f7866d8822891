// Cross-check shim: the part of IOKit's power sources that we use. Not Apple's header.
#pragma once
#include <CoreFoundation/CoreFoundation.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef long CFComparisonResult;
typedef CFOptionFlags CFStringCompareFlags;
enum { kCFCompareEqualTo = 0 };
CFComparisonResult CFStringCompare(CFStringRef, CFStringRef, CFStringCompareFlags);
CFTypeRef IOPSCopyPowerSourcesInfo(void);
CFStringRef IOPSGetProvidingPowerSourceType(CFTypeRef);
#ifdef __cplusplus
}
#endif
