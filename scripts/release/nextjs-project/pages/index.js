export default function Page() {
  return "A host within Next.js";
}
