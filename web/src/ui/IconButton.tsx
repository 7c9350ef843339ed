import type { LucideIcon } from 'lucide-react';
import type { ReactElement } from 'react';

interface Props {
  readonly icon: LucideIcon;
  /** What it does; also the tooltip. */
  readonly label: string;
  readonly shortcut?: string;
  readonly onClick: () => void;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly testId?: string;
}

export function IconButton({ icon: Icon, label, shortcut, onClick, disabled, pressed, testId }: Props): ReactElement {
  return (
    <button type="button" className="icon-button" onClick={onClick} disabled={disabled} aria-label={label} aria-pressed={pressed}
      title={shortcut === undefined ? label : `${label} (${shortcut})`} data-testid={testId}>
      <Icon size={16} strokeWidth={1.75} aria-hidden />
    </button>
  );
}
