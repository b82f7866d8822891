// Cross-check shim: the part of FSEvents that we use. Not Apple's header.
#pragma once
#include <CoreFoundation/CoreFoundation.h>
#include <dispatch/dispatch.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct { CFIndex version; const void* retain; const void* release; const void* copyDescription; const void* equal; } CFArrayCallBacks;
extern const CFArrayCallBacks kCFTypeArrayCallBacks;
CFArrayRef CFArrayCreate(CFAllocatorRef, const void** values, CFIndex count, const CFArrayCallBacks*);
typedef uint32_t FSEventStreamCreateFlags;
typedef uint32_t FSEventStreamEventFlags;
typedef uint64_t FSEventStreamEventId;
typedef struct __FSEventStream* FSEventStreamRef;
typedef const struct __FSEventStream* ConstFSEventStreamRef;
typedef struct { CFIndex version; void* info; const void* retain; const void* release; const void* copyDescription; } FSEventStreamContext;
typedef void (*FSEventStreamCallback)(ConstFSEventStreamRef, void* info, size_t count, void* paths, const FSEventStreamEventFlags*, const FSEventStreamEventId*);
#define kFSEventStreamEventIdSinceNow 0xFFFFFFFFFFFFFFFFULL
enum { kFSEventStreamCreateFlagNoDefer = 2, kFSEventStreamCreateFlagWatchRoot = 4, kFSEventStreamCreateFlagFileEvents = 16 };
enum {
  kFSEventStreamEventFlagMustScanSubDirs = 1,
  kFSEventStreamEventFlagUserDropped = 2,
  kFSEventStreamEventFlagKernelDropped = 4,
  kFSEventStreamEventFlagRootChanged = 32,
  kFSEventStreamEventFlagItemRenamed = 0x800,
  kFSEventStreamEventFlagItemIsDir = 0x20000
};
FSEventStreamRef FSEventStreamCreate(CFAllocatorRef, FSEventStreamCallback, FSEventStreamContext*, CFArrayRef paths, FSEventStreamEventId since, CFTimeInterval latency, FSEventStreamCreateFlags);
void FSEventStreamSetDispatchQueue(FSEventStreamRef, dispatch_queue_t);
Boolean FSEventStreamStart(FSEventStreamRef);
void FSEventStreamStop(FSEventStreamRef);
void FSEventStreamInvalidate(FSEventStreamRef);
void FSEventStreamRelease(FSEventStreamRef);
#ifdef __cplusplus
}
#endif
