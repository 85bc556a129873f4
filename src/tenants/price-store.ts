/** A price that was made through the admin API. */
export interface StoredPrice {
  readonly provider: string;
  /** The model as the provider calls it, or how its name begins and a `*` after that. */
  readonly model: string;
  /** As in `sentinel.yaml`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface PriceName {
  readonly provider: string;
  readonly model: string;
}

/** The prices that were made through the admin API: at most some thousands, so a list is all of them. */
export interface PriceStore {
  /** By provider and model. */
  listPrices(): Promise<readonly StoredPrice[]>;
  getPrice(name: PriceName): Promise<StoredPrice | undefined>;
  /** Takes the place of the one for the same model, whose `createdAtMs` stays. `full`: it would be one more than `pricesMax`. */
  putPrice(
    price: StoredPrice,
    limit: { readonly pricesMax: number },
  ): Promise<"created" | "replaced" | "full">;
  /** Resolves to whether there was one. */
  deletePrice(name: PriceName): Promise<boolean>;
}
