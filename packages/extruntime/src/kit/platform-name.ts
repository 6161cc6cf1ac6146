/** `linux-x64`, with `-musl` where the C library is not glibc: how the packages with addons are named. */
export function platformName(): string {
  const musl = process.platform === "linux" && !hasGlibc();
  return `${process.platform}-${process.arch}${musl ? "-musl" : ""}`;
}

function hasGlibc(): boolean {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime !== undefined;
}
