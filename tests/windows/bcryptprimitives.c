/* Wine 8 lacks bcryptprimitives.dll, whose ProcessPrng the Rust standard library calls (pydantic-core, rpds, hf-xet).
   advapi32 exports the same random source as SystemFunction036 (RtlGenRandom). */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length > MAXLONG ? MAXLONG : (ULONG)length;
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
