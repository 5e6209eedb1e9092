import { EventEmitter, type TreeDataProvider, TreeItem, TreeItemCollapsibleState } from 'vscode';
import type { App } from '../app';
import { sentence } from '../errors';

const SETTLE_MS = 200;

/** A row whose rows below are asked for when it is opened. */
export abstract class ParentItem extends TreeItem {
  abstract children(): Promise<TreeItem[]>;
}

/** A row that has rows below it. */
export class GroupItem extends TreeItem {
  override contextValue = 'group';

  constructor(
    label: string,
    id: string,
    readonly rows: TreeItem[],
    expanded = true,
  ) {
    super(label, expanded ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed);
    this.id = id;
    this.description = String(rows.length);
  }
}

/** Rows that are loaded from the server and follow `mazu/changed`. */
export class Tree implements TreeDataProvider<TreeItem> {
  private readonly changed = new EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly app: App,
    private readonly load: () => Promise<TreeItem[]>,
  ) {}

  refresh(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.changed.fire(), SETTLE_MS);
  }

  getTreeItem(item: TreeItem): TreeItem {
    return item;
  }

  async getChildren(item?: TreeItem): Promise<TreeItem[]> {
    if (item instanceof GroupItem) return item.rows;
    if (this.app.server.condition !== 'running' || (item && !(item instanceof ParentItem))) return [];
    try {
      return await (item ? item.children() : this.load());
    } catch (error) {
      this.app.log.warn(sentence(error));
      return [];
    }
  }
}
