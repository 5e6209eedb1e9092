import { Component, type ComponentType, h } from 'preact';

/** A component that is drawn again only when one of its properties is another one. */
export function memo<P extends object>(of: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as Record<string, unknown>;
      return Object.entries(next).some(([name, value]) => now[name] !== value);
    }

    render() {
      return h(of, this.props as P);
    }
  };
}
