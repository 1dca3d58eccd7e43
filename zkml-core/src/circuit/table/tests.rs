//! Tables as a whole; each function has tests in its own file.

use super::*;
use crate::poly;

#[test]
fn closed_forms_equal_the_cells() {
    let tables = [
        Table::range(5),
        Table::INT8,
        Table::Integers { minimum: -7, bits: 3 },
        Table::Integers {
            minimum: 1000,
            bits: 0,
        },
        Table::Function(FunctionTable {
            function: Function::Relu,
            domain_bits: 4,
            minimum: 0,
            maximum: 7,
        }),
        Table::Function(FunctionTable {
            function: Function::Identity,
            domain_bits: 3,
            minimum: -5,
            maximum: 5,
        }),
    ];
    for table in tables {
        let point: Vec<K> = (0..table.variables() as u64)
            .map(|i| K::new(M61::from(1234567 * i + 99), M61::from(987 * i * i + 5)))
            .collect();
        for column in 0..table.arity() {
            assert_eq!(
                table.evaluate(column, &point).unwrap(),
                poly::evaluate_base(&table.column(column).unwrap(), &point)
            );
        }
        assert_eq!(table.row_of(table.first()), Some(0));
        assert_eq!(table.row_of(table.first() - 1), None);
        assert_eq!(table.row_of(table.first() + (1 << table.variables())), None);
    }
}

fn function_table(function: Function, domain_bits: u32, minimum: i64, maximum: i64) -> FunctionTable {
    FunctionTable {
        function,
        domain_bits,
        minimum,
        maximum,
    }
}

fn gelu() -> Function {
    let step = Dyadic::new(1, -4).unwrap();
    Function::Curve(Curve::new(CurveKind::Gelu, step, Dyadic::new(1, -5).unwrap()).unwrap())
}

#[test]
fn cells_ranges_and_single_entries_agree() {
    let custom = Custom::new((0..64).map(|i| (i * 37) % 101 - 50).collect());
    for table in [
        function_table(gelu(), 6, -7, 100),
        function_table(Function::Custom(custom), 5, -50, 50),
        function_table(Function::Identity, 5, -7, 9),
        function_table(Function::Relu, 5, 0, 9),
    ] {
        let cells = table.cells().unwrap();
        let end = 1i64 << table.domain_bits;
        let values: Vec<i64> = (-end..end).collect();
        let mut entries = vec![0; values.len()];
        assert!(cells.look_up(&values, &mut entries));
        for (&v, &entry) in values.iter().zip(&entries) {
            assert_eq!((cells.at(v), table.apply(v)), (Some(entry), Ok(entry)));
        }
        for low in 0..entries.len() {
            for high in low..entries.len() {
                let part = &entries[low..=high];
                let range = (*part.iter().min().unwrap(), *part.iter().max().unwrap());
                assert_eq!(table.range_over(values[low], values[high]), Ok(range));
            }
        }
        assert!(table.range_over(3, 2).is_err());
        let column: Vec<M61> = entries
            .iter()
            .map(|&entry| crate::field::from_i64(entry))
            .collect();
        assert_eq!(Table::Function(table).column(1).unwrap(), column);
    }
    // Below 0 GELU falls and rises again.
    assert_eq!(
        function_table(gelu(), 6, -100, 100).range_over(-64, 0),
        Ok((-5, 0))
    );
}

#[test]
fn values_outside_of_the_domain_have_no_entry() {
    let table = function_table(gelu(), 3, -100, 100);
    let cells = table.cells().unwrap();
    for v in [-9, 8, i64::MIN, i64::MAX] {
        assert_eq!(cells.at(v), None);
        assert!(!cells.look_up(&[0, v], &mut [0; 2]));
        assert!(matches!(table.apply(v), Err(TableError::Outside { .. })));
        assert!(table.range_over(v.min(0), v.max(0)).is_err());
    }
}

#[test]
fn explicit_tables_are_checked() {
    let of = |entries: Vec<i64>, domain_bits| {
        function_table(Function::Custom(Custom::new(entries)), domain_bits, -5, 5)
    };
    assert_eq!(of(vec![1, 2], 0).validate(), Ok(()));
    assert!(matches!(
        of(vec![1, 2, 3], 0).cells(),
        Err(TableError::Length { .. })
    ));
    assert!(matches!(of(vec![], 0).cells(), Err(TableError::Length { .. })));
    assert!(matches!(
        of(vec![1, 2], 1).cells(),
        Err(TableError::Length { .. })
    ));
    assert!(matches!(
        of(vec![1, 6], 0).cells(),
        Err(TableError::Entry { value: 0, .. })
    ));
    assert!(matches!(
        of(vec![i64::MIN, 1], 0).apply(0),
        Err(TableError::Entry { value: -1, .. })
    ));
    let table = of(vec![1, 2], 0);
    for domain_bits in [20, 63, 64, u32::MAX] {
        let table = FunctionTable {
            domain_bits,
            ..table.clone()
        };
        assert!(matches!(table.cells(), Err(TableError::Domain { .. })));
    }
    for (minimum, maximum) in [(1, 0), (-5, i64::MAX), (i64::MIN, 5), (-(1 << 60), 5)] {
        let table = FunctionTable {
            minimum,
            maximum,
            ..table.clone()
        };
        assert!(matches!(table.cells(), Err(TableError::Results { .. })));
    }
}

#[test]
fn functions_are_shown_by_name_or_digest() {
    assert_eq!(Function::Identity.to_string(), "Identity");
    assert_eq!(Function::Relu.to_string(), "Relu");
    assert_eq!(gelu().to_string(), "gelu in steps of 0.0625 to 0.03125");
    let custom = Custom::new(vec![1, -1]);
    let digest = blake3::hash(&[1u64.to_le_bytes(), u64::MAX.to_le_bytes()].concat());
    assert_eq!(custom.digest(), *digest.as_bytes());
    let shown = Function::Custom(custom).to_string();
    assert_eq!(shown, format!("custom {}", &digest.to_hex()[..32]));
}

#[test]
fn bytes_of_tables() {
    let bytes = |table: &Table| postcard::to_stdvec(table).unwrap();
    let identity = Table::Function(function_table(Function::Identity, 12, -128, 127));
    assert_eq!(bytes(&identity), [1, 0, 12, 0xff, 1, 0xfe, 1]);
    let relu = Table::Function(function_table(Function::Relu, 9, 0, 127));
    assert_eq!(bytes(&relu), [1, 1, 9, 0, 0xfe, 1]);
    let curve = Table::Function(function_table(gelu(), 3, -4, 4));
    assert_eq!(bytes(&curve), [1, 2, 2, 2, 7, 2, 9, 3, 7, 8]);
    let custom = Table::Function(function_table(
        Function::Custom(Custom::new(vec![-1, 3])),
        0,
        -4,
        4,
    ));
    assert_eq!(bytes(&custom), [1, 3, 2, 1, 6, 0, 7, 8]);
    for table in [identity, relu, curve, custom] {
        assert_eq!(postcard::from_bytes::<Table>(&bytes(&table)).unwrap(), table);
    }
}
