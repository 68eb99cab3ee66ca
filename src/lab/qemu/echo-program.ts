/**
 * A program that sends UDP datagrams back, for a machine whose busybox has none: 130 octets of x86-64, on one socket of
 * both IP versions. Assembled by GNU as; the text beside the octets is what was assembled.
 */

/** UDP port that it listens on. */
export const ECHO_PORT = 7007;

const high = ECHO_PORT >> 8;
const low = ECHO_PORT & 0xff;

// Stack: struct sockaddr_in6 at 0, its length at 28, the datagram at 64.
const CODE = Uint8Array.of(
  ...[0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00], //       sub rsp, 4096
  ...[0xbf, 0x0a, 0x00, 0x00, 0x00], //                   mov edi, AF_INET6
  ...[0xbe, 0x02, 0x00, 0x00, 0x00], //                   mov esi, SOCK_DGRAM
  ...[0x31, 0xd2], //                                     xor edx, edx
  ...[0xb8, 0x29, 0x00, 0x00, 0x00, 0x0f, 0x05], //       mov eax, 41 (socket); syscall
  ...[0x89, 0xc3], //                                     mov ebx, eax
  ...[0x31, 0xc0], //                                     xor eax, eax
  ...[0x48, 0x8d, 0x3c, 0x24], //                         lea rdi, [rsp]
  ...[0xb9, 0x1c, 0x00, 0x00, 0x00], //                   mov ecx, 28
  ...[0xf3, 0xaa], //                                     rep stosb
  ...[0x66, 0xc7, 0x04, 0x24, 0x0a, 0x00], //             mov word ptr [rsp], AF_INET6
  ...[0x66, 0xc7, 0x44, 0x24, 0x02, high, low], //        mov word ptr [rsp+2], port
  ...[0x89, 0xdf], //                                     mov edi, ebx
  ...[0x48, 0x89, 0xe6], //                               mov rsi, rsp
  ...[0xba, 0x1c, 0x00, 0x00, 0x00], //                   mov edx, 28
  ...[0xb8, 0x31, 0x00, 0x00, 0x00, 0x0f, 0x05], //       mov eax, 49 (bind); syscall
  ...[0xc7, 0x44, 0x24, 0x1c, 0x1c, 0x00, 0x00, 0x00], // again: mov dword ptr [rsp+28], 28
  ...[0x89, 0xdf], //                                     mov edi, ebx
  ...[0x48, 0x8d, 0x74, 0x24, 0x40], //                   lea rsi, [rsp+64]
  ...[0xba, 0x00, 0x08, 0x00, 0x00], //                   mov edx, 2048
  ...[0x45, 0x31, 0xd2], //                               xor r10d, r10d
  ...[0x49, 0x89, 0xe0], //                               mov r8, rsp
  ...[0x4c, 0x8d, 0x4c, 0x24, 0x1c], //                   lea r9, [rsp+28]
  ...[0xb8, 0x2d, 0x00, 0x00, 0x00, 0x0f, 0x05], //       mov eax, 45 (recvfrom); syscall
  ...[0x85, 0xc0], //                                     test eax, eax
  ...[0x78, 0xd6], //                                     js again
  ...[0x89, 0xc2], //                                     mov edx, eax
  ...[0x41, 0xb9, 0x1c, 0x00, 0x00, 0x00], //             mov r9d, 28
  ...[0xb8, 0x2c, 0x00, 0x00, 0x00, 0x0f, 0x05], //       mov eax, 44 (sendto); syscall
  ...[0xeb, 0xc5], //                                     jmp again
);

const BASE = 0x40_0000;
const FILE_HEADER = 64;
const PROGRAM_HEADER = 56;
const EXECUTABLE = 2;
const X86_64 = 62;
const LOAD = 1;
const READ_AND_EXECUTE = 5;

/** The file: ELF header, one program header, the code. elf(5). */
export function echoProgram(): Uint8Array {
  const at = FILE_HEADER + PROGRAM_HEADER;
  const file = new Uint8Array(at + CODE.length);
  const view = new DataView(file.buffer);
  const word = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little endian, version 1
  view.setUint16(16, EXECUTABLE, true);
  view.setUint16(18, X86_64, true);
  view.setUint32(20, 1, true);
  word(24, BASE + at);
  word(32, FILE_HEADER);
  view.setUint16(52, FILE_HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, 1, true);
  view.setUint32(FILE_HEADER, LOAD, true);
  view.setUint32(FILE_HEADER + 4, READ_AND_EXECUTE, true);
  for (const offset of [16, 24]) word(FILE_HEADER + offset, BASE);
  for (const offset of [32, 40]) word(FILE_HEADER + offset, file.length);
  word(FILE_HEADER + 48, 0x1000);
  file.set(CODE, at);
  return file;
}
