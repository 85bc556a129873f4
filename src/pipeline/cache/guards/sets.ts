export function setsDiffer<Member>(one: ReadonlySet<Member>, other: ReadonlySet<Member>): boolean {
  return one.size !== other.size || [...one].some((member) => !other.has(member));
}

export function setsMeet<Member>(one: ReadonlySet<Member>, other: ReadonlySet<Member>): boolean {
  for (const member of one) if (other.has(member)) return true;
  return false;
}
