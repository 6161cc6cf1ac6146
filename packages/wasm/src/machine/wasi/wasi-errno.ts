/** Error numbers of WASI preview 1, as many as the host functions answer with. */
export const ERRNO = {
  success: 0,
  badf: 8,
  fault: 21,
  inval: 28,
  nosys: 52,
  spipe: 70,
} as const;
