export function isNamedAfter(name: string, pid: number): boolean;
export function clearLeftovers(root: string, pid: number): string[];
