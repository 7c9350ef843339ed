import { Component, type ReactNode } from 'react';

interface Props { readonly children: ReactNode; readonly what: string }

/** What cannot be shown must not take the rest of the page with it. */
export class ErrorBoundary extends Component<Props, { readonly error: string | undefined }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: string } {
    return { error: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div className="notice notice-error" role="alert">
        {this.props.what} could not be shown: {this.state.error}. The rest of the page works; reload it to try again.
      </div>
    );
  }
}
