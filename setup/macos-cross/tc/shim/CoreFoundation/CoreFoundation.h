// Cross-check shim: only what our sources and metal-cpp name. Not Apple's header.
#pragma once
#include <MacTypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef double CFTimeInterval;
typedef double CFAbsoluteTime;
typedef long CFIndex;
typedef unsigned long CFOptionFlags;
typedef unsigned long CFTypeID;
typedef uint32_t CFStringEncoding;
typedef const void* CFTypeRef;
typedef const struct __CFAllocator* CFAllocatorRef;
typedef const struct __CFString* CFStringRef;
typedef struct __CFDictionary* CFMutableDictionaryRef;
typedef const struct __CFDictionary* CFDictionaryRef;
typedef const struct __CFData* CFDataRef;
typedef const struct __CFNumber* CFNumberRef;
typedef const struct __CFArray* CFArrayRef;
typedef CFIndex CFNumberType;
enum { kCFStringEncodingUTF8 = 0x08000100, kCFNumberSInt32Type = 3, kCFNumberSInt64Type = 4 };
extern const CFAllocatorRef kCFAllocatorDefault;
void CFRelease(CFTypeRef);
CFTypeRef CFRetain(CFTypeRef);
CFTypeID CFGetTypeID(CFTypeRef);
CFTypeID CFDataGetTypeID(void);
CFTypeID CFNumberGetTypeID(void);
CFTypeID CFStringGetTypeID(void);
CFTypeID CFDictionaryGetTypeID(void);
const unsigned char* CFDataGetBytePtr(CFDataRef);
CFIndex CFDataGetLength(CFDataRef);
CFStringRef CFStringCreateWithCString(CFAllocatorRef, const char*, CFStringEncoding);
Boolean CFStringGetCString(CFStringRef, char*, CFIndex, CFStringEncoding);
const void* CFDictionaryGetValue(CFDictionaryRef, const void*);
Boolean CFNumberGetValue(CFNumberRef, CFNumberType, void*);
#define CFSTR(s) ((CFStringRef)__builtin___CFStringMakeConstantString("" s ""))
#ifdef __cplusplus
}
#endif
