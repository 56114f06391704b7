export function denoPath(root: string): string;
export function bunPath(root: string): string;
export function nodePath(root: string): string;
export function node20Path(root: string): string;
